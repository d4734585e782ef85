from __future__ import annotations

import polars as pl
import pytest

from imgassets.selection.quality import LEARNED, TOLD, score_quality
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


class TestEvidence:
    """Models replace the rules of their flag; people overrule both."""

    @pytest.fixture
    def judge_with(self, make_aggregated, make_signals, key):
        """Return a judge of one image, by models (flag: probability) and people (flag: value)."""

        def one(models=None, people=None, sharing=1, **signals) -> dict:
            images = [{"name": "a", "product_id": f"p{k}"} for k in range(sharing)]
            learned = [(key("a"), f, p, 0.6, "7") for f, p in (models or {}).items()]
            told = [(key("a"), flag, value) for flag, value in (people or {}).items()]
            frame = score_quality(
                make_aggregated(*images),
                make_signals({"name": "a", **signals}),
                LIMITS,
                pl.DataFrame(learned, schema=LEARNED, orient="row"),
                pl.DataFrame(told, schema=TOLD, orient="row"),
            )
            assert frame.height == sharing
            return QualityScores.conform(frame).row(0, named=True)

        return one

    def test_a_model_finds_what_the_rule_does_not_see(self, judge_with) -> None:
        row = judge_with({"blurry": 0.75})
        assert row["failed_rules"] == ["blurry"]
        assert row["p_blurry"] == 0.75
        assert row["reasons"] == [
            "blurry: probability 0.75, less than 0.6 needed (model version 7)"
        ]
        assert row["judged_by"] == [
            "blurry: model 7", "small_object: rules", "placeholder: rules",
        ]  # fmt: skip

    def test_a_model_clears_what_the_rule_would_discard(self, judge_with) -> None:
        row = judge_with({"blurry": 0.1}, sharpness=0.01)
        assert row["passed"]
        assert row["p_blurry"] == pytest.approx(0.1)
        assert row["reasons"] == []

    @pytest.mark.parametrize(("p", "passed"), [(0.59, True), (0.6, False)])
    def test_the_limit_itself_is_reached(self, judge_with, p, passed) -> None:
        assert judge_with({"small_object": p})["passed"] is passed

    def test_a_model_judges_its_own_flag_only(self, judge_with) -> None:
        row = judge_with({"blurry": 0.1}, foreground_fraction=0.1)
        assert row["failed_rules"] == ["small_object"]
        assert row["judged_by"][1] == "small_object: rules"

    def test_a_model_of_placeholders_replaces_flatness_and_keeps_sharing(self, judge_with) -> None:
        flat = judge_with({"placeholder": 0.1}, detail=0.0)
        assert flat["passed"]
        shared = judge_with({"placeholder": 0.1}, sharing=3, detail=0.0)
        assert shared["failed_rules"] == ["placeholder"]
        assert shared["reasons"] == [
            "placeholder: the same file stands for 3 products, at most 2 allowed"
        ]
        both = judge_with({"placeholder": 0.9}, sharing=3)
        assert both["failed_rules"] == ["placeholder"]
        assert len(both["reasons"]) == 2

    def test_people_overrule_rules(self, judge_with) -> None:
        row = judge_with(people={"blurry": False}, sharpness=0.01)
        assert row["passed"]
        assert row["reasons"] == []
        assert row["judged_by"][0] == "blurry: people"
        row = judge_with(people={"small_object": True})
        assert row["failed_rules"] == ["small_object"]
        assert row["reasons"] == ["small object: people say so"]

    def test_people_overrule_models(self, judge_with) -> None:
        assert judge_with({"blurry": 0.9}, {"blurry": False})["passed"]
        row = judge_with({"blurry": 0.1}, {"blurry": True})
        assert row["failed_rules"] == ["blurry"]
        assert row["reasons"] == ["blurry: people say so"]
        assert row["judged_by"][0] == "blurry: people"

    def test_people_overrule_sharing(self, judge_with) -> None:
        assert judge_with(people={"placeholder": False}, sharing=3, detail=0.0)["passed"]

    def test_low_resolution_is_always_measured(self, make_aggregated, make_signals, key) -> None:
        told = pl.DataFrame([(key("a"), "low_resolution", False)], schema=TOLD, orient="row")
        small = make_aggregated({"name": "a", "width": 90, "height": 90})
        scores = score_quality(small, make_signals({"name": "a"}), LIMITS, told=told)
        assert scores["failed_rules"].to_list() == [["low_resolution"]]

    def test_other_images_stay_with_the_rules(self, make_aggregated, make_signals, key) -> None:
        learned = pl.DataFrame([(key("a"), "blurry", 0.9, 0.6, "7")], schema=LEARNED, orient="row")
        scores = score_quality(
            make_aggregated({"name": "a"}, {"name": "b"}),
            make_signals({"name": "a"}, {"name": "b"}),
            LIMITS,
            learned,
        )
        by = {i: (p, j[0]) for i, p, j in scores["image_id", "passed", "judged_by"].iter_rows()}
        assert by == {key("a"): (False, "blurry: model 7"), key("b"): (True, "blurry: rules")}
