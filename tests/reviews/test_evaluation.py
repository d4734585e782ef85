"""Scores against votes: what is measured, on which photos, and what is said of them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from imgassets.reviews.evaluation import (
    ALL,
    SIMULATED,
    WITHIN,
    Evaluated,
    evaluate_against_engagement,
)
from imgassets.statistics import pairwise_accuracy, pearson, spearman

_LEVEL = pl.col("style").str.slice(1).cast(pl.Float64)


def photos(styles: int = 8, each: int = 12, seed: int = 0) -> pl.DataFrame:
    """Photos of two products per style; votes follow `knows` with noise, `blind` knows nothing."""
    random = np.random.default_rng(seed)
    n = styles * each
    quality = random.random(n)
    impressions = random.integers(200, 900, n)
    style = np.arange(n) // each
    return pl.DataFrame(
        {
            "style": [f"s{i}" for i in style],
            "product_id": [f"s{i}-{k % 2}" for k, i in enumerate(style)],
            "impressions": impressions,
            "helpful_votes": random.poisson(impressions * (0.02 + 0.1 * quality)),
            "knows": quality,
            "blind": random.random(n),
        }
    )


def evaluate(frame: pl.DataFrame, *methods: str, note: str = "") -> Evaluated:
    return evaluate_against_engagement(
        frame, methods or ["knows", "blind"], model_version="3", seed=0, note=note, resamples=200
    )


def value(rows: pl.DataFrame, method: str, measure: str, of: str = ALL) -> dict[str, object]:
    found = rows.filter(method=method, measure=measure, slice=of)
    assert found.height == 1
    return found.to_dicts()[0]


def test_who_knows_the_quality_agrees_with_the_votes_and_chance_does_not() -> None:
    frame = photos()
    rows = evaluate(frame).rows
    truth = (frame["helpful_votes"] / frame["impressions"]).to_numpy()
    score = frame["knows"].to_numpy()
    expected = {
        "pearson": pearson(score, truth),
        "spearman": spearman(score, truth),
        "pairwise_accuracy": pairwise_accuracy(score, truth, frame["product_id"].to_numpy()),
    }
    for measure, figure in expected.items():
        knows, blind = (value(rows, name, measure) for name in ("knows", "blind"))
        assert knows["value"] == pytest.approx(figure)
        assert knows["lower"] < figure < knows["upper"]
        assert blind["lower"] < (0.5 if measure == "pairwise_accuracy" else 0) < blind["upper"]
        assert knows["lower"] > blind["upper"]
    assert value(rows, "knows", "pearson")["n"] == 96
    assert set(rows["dataset"]) == {"engagement"}
    assert set(rows["model_version"]) == {"3"}


def test_levels_of_styles_do_not_count_within_them() -> None:
    """A score that knows each style's level alone agrees over all photos, not within styles."""
    frame = photos().with_columns(
        knows=_LEVEL + 0.001 * pl.col("blind"),
        helpful_votes=(
            pl.col("impressions") * (0.02 + 0.03 * _LEVEL + 0.002 * pl.col("knows"))
        ).cast(pl.Int64),
    )
    rows = evaluate(frame, "knows").rows
    assert value(rows, "knows", "pearson")["value"] > 0.95
    within = value(rows, "knows", "pearson", WITHIN)
    assert within["lower"] < 0 < within["upper"]


def test_each_style_has_figures_of_its_own_without_an_interval() -> None:
    frame = photos()
    row = value(evaluate(frame).rows, "knows", "spearman", "s3")
    one = frame.filter(style="s3")
    truth = (one["helpful_votes"] / one["impressions"]).to_numpy()
    assert row["value"] == pytest.approx(spearman(one["knows"].to_numpy(), truth))
    # Two products are too few to resample.
    assert row["n"] == 12
    assert row["lower"] is None


def test_photos_without_votes_or_never_shown_are_left_out_and_counted() -> None:
    frame = photos().with_row_index().with_columns(
        helpful_votes=pl.when(pl.col("index") >= 3).then("helpful_votes"),
        impressions=pl.when(pl.col("index") != 7).then("impressions").otherwise(0),
    )  # fmt: skip
    found = evaluate(frame, note=SIMULATED)
    assert (found.n, found.left_out) == (92, 4)
    assert set(found.rows["note"]) == {"votes are simulated"}


def test_a_method_is_measured_on_the_photos_that_it_has_scores_of() -> None:
    frame = photos().with_columns(
        knows=pl.when(pl.int_range(pl.len()) < 90).then("knows"), blind=pl.lit(None, pl.Float64)
    )
    rows = evaluate(frame).rows
    assert value(rows, "knows", "pearson")["n"] == 90
    assert rows.filter(method="blind").is_empty()


def test_no_votes_no_rows() -> None:
    found = evaluate(photos().with_columns(helpful_votes=pl.lit(None, pl.Int64)))
    assert found.rows.is_empty()
    assert found.left_out == 96
