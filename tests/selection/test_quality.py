from __future__ import annotations

import polars as pl
import pytest

from imgassets.selection.quality import score_quality
from imgassets.settings import QualitySettings
from imgassets.warehouse.contracts import QualityScores

LIMITS = QualitySettings(
    min_longest_side=250,
    min_sharpness=0.25,
    min_foreground_fraction=0.25,
    max_products_sharing=2,
    min_detail=0.25,
)


@pytest.fixture
def judge(make_aggregated, make_signals):
    def one(size=(800, 1000), **signals) -> dict:
        aggregated = make_aggregated({"name": "a", "width": size[0], "height": size[1]})
        frame = score_quality(aggregated, make_signals({"name": "a", **signals}), LIMITS)
        return QualityScores.conform(frame).row(0, named=True)

    return one


def test_a_good_image_passes(judge) -> None:
    row = judge()
    assert row["passed"]
    assert row["failed_rules"] == row["reasons"] == []
    assert max(row["p_blurry"], row["p_small_object"], row["p_placeholder"]) < 0.5


@pytest.mark.parametrize(
    ("signal", "rule", "probability"),
    [
        ("sharpness", "blurry", "p_blurry"),
        ("foreground_fraction", "small_object", "p_small_object"),
        ("detail", "placeholder", "p_placeholder"),
    ],
)
def test_half_exactly_at_the_limit(judge, signal, rule, probability) -> None:
    at = judge(**{signal: 0.25})
    assert at[probability] == 0.5
    assert at["passed"]
    below = judge(**{signal: 0.2})
    assert below[probability] > 0.5
    assert below["failed_rules"] == [rule]
    assert judge(**{signal: 0.3})[probability] < 0.5
    assert judge(**{signal: 0.0})[probability] == pytest.approx(1)


def test_reasons_name_the_value_and_the_limit(judge) -> None:
    row = judge(size=(80, 120), sharpness=0.123, foreground_fraction=0.081, detail=0.2)
    assert row["failed_rules"] == ["low_resolution", "blurry", "small_object", "placeholder"]
    assert row["reasons"] == [
        "longest side 120 px, at least 250 px needed",
        "blurry: edge sharpness 0.12, at least 0.25 needed",
        "object fills 8 % of the frame, at least 25 % needed",
        "placeholder: flat artwork, tone variety 0.2, at least 0.25 needed",
    ]


def test_the_longer_side_counts(judge) -> None:
    assert judge(size=(100, 250))["passed"]
    assert judge(size=(249, 249))["failed_rules"] == ["low_resolution"]


def test_bytes_shared_by_many_products_are_a_placeholder(make_aggregated, make_signals) -> None:
    shared = [{"name": "logo", "product_id": f"p{k}"} for k in range(3)]
    pair = [{"name": "pair", "product_id": f"p{k}"} for k in range(2)]
    scores = score_quality(
        make_aggregated(*shared, *pair), make_signals({"name": "logo"}, {"name": "pair"}), LIMITS
    )
    assert len(scores) == 5
    by_image = scores.group_by("image_id").agg(
        pl.col("failed_rules").first(), pl.col("p_placeholder").first(), pl.col("reasons").first()
    )
    assert sorted(by_image["failed_rules"].to_list()) == [[], ["placeholder"]]
    assert by_image.filter(pl.col("failed_rules").list.len() == 0)["p_placeholder"].item() == 0.5
    reason = by_image.filter(pl.col("failed_rules").list.len() == 1)["reasons"].item()[0]
    assert reason == "placeholder: the same file stands for 3 products, at most 2 allowed"


def test_sharing_counts_within_a_partition(make_aggregated, make_signals) -> None:
    images = [{"name": "logo", "product_id": f"p{k}"} for k in range(4)]
    aggregated = make_aggregated(*images).with_columns(
        category=pl.Series(["bags", "bags", "watches", "watches"])
    )
    signals = make_signals({"name": "logo"})
    signals = pl.concat([signals, signals.with_columns(category=pl.lit("watches"))])
    assert score_quality(aggregated, signals, LIMITS)["passed"].all()


def test_images_without_signals_get_no_row(make_aggregated, make_signals) -> None:
    aggregated = make_aggregated({"name": "a"}, {"name": "broken"})
    assert len(score_quality(aggregated, make_signals({"name": "a"}), LIMITS)) == 1


def test_empty_frames(make_aggregated, make_signals) -> None:
    aggregated = make_aggregated({"name": "a"}).clear()
    scores = score_quality(aggregated, make_signals({"name": "a"}).clear(), LIMITS)
    assert QualityScores.conform(scores).is_empty()


def test_a_limit_of_zero_switches_a_rule_off(make_aggregated, make_signals) -> None:
    off = LIMITS.model_copy(update={"min_sharpness": 0.0})
    scores = score_quality(
        make_aggregated({"name": "a"}), make_signals({"name": "a", "sharpness": 0.0}), off
    )
    assert scores["passed"].all()
    assert scores["p_blurry"].item() == 0
