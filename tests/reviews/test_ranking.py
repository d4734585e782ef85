"""Ranks within a product: ties, single photos, duplicates, and the order of display."""

from __future__ import annotations

import datetime as dt

import polars as pl

from imgassets.reviews.ranking import rank_reviews
from imgassets.selection.thresholds import read_thresholds
from tests.review_rows import image_id, signals

LIMITS = read_thresholds()


def photos(scores: list[float], *, product: str = "p", start: int = 0) -> pl.DataFrame:
    n = len(scores)
    return (
        signals(start + n)[start:]
        .with_columns(
            product_id=pl.lit(product),
            review_id=pl.Series([f"r{start + i}" for i in range(n)]),
            submitted_at=pl.Series([dt.datetime(2026, 1, 4, tzinfo=dt.UTC)] * n),
            score=pl.Series(scores),
        )
        .drop("signals_version")
    )


def ranked(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    found = rank_reviews(frame, LIMITS)
    return found.select("review_id", "rank", "n_ranked", "duplicate_of").rows()


def test_equal_scores_share_a_rank_and_the_next_is_left_out() -> None:
    assert ranked(photos([0.5, 0.9, 0.5, 0.1])) == [
        ("r1", 1, 4, None), ("r0", 2, 4, None), ("r2", 2, 4, None), ("r3", 4, 4, None),
    ]  # fmt: skip


def test_scores_that_differ_by_rounding_alone_are_equal() -> None:
    assert [row[1] for row in ranked(photos([0.5, 0.5 + 1e-9]))] == [1, 1]


def test_a_products_only_photo_has_rank_1_and_products_do_not_mix() -> None:
    both = pl.concat([photos([0.2]), photos([0.9, 0.3], product="q", start=1)])
    assert ranked(both) == [("r0", 1, 1, None), ("r1", 1, 2, None), ("r2", 2, 2, None)]


def test_equal_scores_are_shown_by_time_then_id_and_no_time_comes_last() -> None:
    early, late = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    frame = photos([0.5] * 4).with_columns(
        submitted_at=pl.Series([None, late, early, late], dtype=pl.Datetime("us", "UTC"))
    )
    assert [row[0] for row in ranked(frame)] == ["r2", "r1", "r3", "r0"]
    assert ranked(frame.reverse()) == ranked(frame)


def test_the_same_bytes_in_two_reviews_are_one_picture() -> None:
    frame = photos([0.5, 0.7, 0.5]).with_columns(
        image_id=pl.Series([image_id(0), image_id(1), image_id(0)])
    )
    assert ranked(frame) == [("r1", 1, 2, None), ("r0", 2, 2, None), ("r2", None, 2, "r0")]


def test_near_duplicates_stand_behind_the_best_of_them() -> None:
    frame = photos([0.3, 0.8, 0.6])
    alike = ["phash", "dhash", "object_phash", "edge_dhash", "hsv_histogram"]
    first = {name: pl.lit(frame[name][:1]).first() for name in alike}
    near = pl.concat([frame[:2], frame[2:].with_columns(**first)])
    found = rank_reviews(near, LIMITS)
    assert found.select("review_id", "status", "rank", "duplicate_of", "score").rows() == [
        ("r1", "ranked", 1, None, 0.8),
        ("r2", "ranked", 2, None, 0.6),
        ("r0", "duplicate", None, "r2", 0.3),
    ]
    # In another product it would be no duplicate.
    other = near.with_columns(product_id=pl.Series(["p", "p", "q"]))
    assert rank_reviews(other, LIMITS)["status"].to_list() == ["ranked"] * 3


def test_no_photo_no_rank() -> None:
    assert rank_reviews(photos([0.5]).clear(), LIMITS).is_empty()
