"""The scoreboard's rows about review photos."""

from __future__ import annotations

import polars as pl

from imgassets.gallery.review_scoreboard import score_review_photos


def test_order_weaknesses_and_copies_are_counted() -> None:
    truth = pl.DataFrame(
        {
            "review_id": ["a", "b", "c", "d", "e"],
            "problem": ["", "dark", "blurry", "noisy", None],
            "severity": [0.0, 0.3, 0.6, 0.9, 0.0],
            "copy_of": [None, None, None, None, "a"],
        }
    )
    ranks = pl.DataFrame(
        {
            "review_id": ["a", "b", "c", "d", "e"],
            "product_id": ["p"] * 5,
            "score": [0.9, 0.5, 0.6, 0.1, 0.8],
            "weakness": ["", "dark", "", "dark", "blurry"],
            "duplicate_of": ["e", None, None, "c", None],
            "helpful_votes": [9, 5, 3, 1, 8],
            "impressions": [100, 100, 100, 100, 100],
        }
    )
    order, weaknesses, copies = score_review_photos(truth, ranks, "votes are simulated")
    # Ten pairs, one of equal severity, one in the wrong order.
    assert (order.found, order.wrong, order.result) == (8, 1, 8 / 9)
    assert "(votes are simulated)" in order.note
    assert (weaknesses.found, weaknesses.missed, weaknesses.wrong) == (1, 2, 2)
    assert (copies.found, copies.missed, copies.wrong) == (1, 0, 1)
