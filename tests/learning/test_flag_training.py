from __future__ import annotations

import copy

import numpy as np
import polars as pl
import pytest

from imgassets.learning.flag_model import FlagModel
from imgassets.learning.flag_training import (
    HOLDOUT,
    MIN_GAIN,
    Parts,
    TooFewExamples,
    Trained,
    augment,
    choose_approach,
    contest,
    data_hash,
    require_examples,
    split_examples,
    train_heads,
)
from imgassets.learning.limits import NEVER, Measures
from imgassets.settings import LearningSettings, ReviewSettings
from tests.learning.flag_cases import both_sides, example, frame

LEARNING = LearningSettings(max_augmentations=3)
REVIEW = ReviewSettings(min_rejections=2)


def train(rows, version: str = "v1") -> Trained:
    """Return the logistic model of some examples."""
    return train_heads(
        "blurry", frame(rows), LEARNING, REVIEW, 0, only="logistic", signals_version=version
    )[0]


@pytest.fixture(scope="module")
def good() -> Trained:
    return train(both_sides(range(100, 106)))


@pytest.fixture(scope="module")
def silent(good: Trained) -> Trained:
    """The same model with a limit that it never reaches."""
    model = copy.copy(good.model)
    model.limits = dict.fromkeys(good.model.limits, NEVER)
    return Trained(model, good.tuned, good.p)


class TestSplit:
    def parts(self, rows, seed=0) -> Parts:
        return split_examples(frame(rows), seed)

    def test_parts_share_no_group_and_no_bytes(self) -> None:
        rows = both_sides(range(30))
        shared = [example(f"copy-{g}", f"g{g}", True, image="the same bytes") for g in range(30)]
        parts = self.parts([*rows, *shared])
        for column in ("group_id", "image_id"):
            assert not set(parts.train[column]) & set(parts.test[column])
        assert parts.test.height > 0
        assert parts.train.height + parts.test.height < len(rows) + 30, "held-out copies are gone"

    def test_a_synthetic_example_stands_where_its_source_stands(self) -> None:
        rows = both_sides(range(30))
        made = [
            example(f"made-{row['image_id']}", str(row["group_id"]), True, origin="synthetic",
                    image=str(row["image_id"]), kind="motion_blur")
            for row in rows
        ]  # fmt: skip
        for part in self.parts([*rows, *made]):
            real = part.filter(pl.col("origin") != "synthetic")
            synthetic = part.filter(pl.col("origin") == "synthetic")
            assert set(real["image_id"]) == set(synthetic["image_id"])

    def test_about_a_share_is_held_out(self) -> None:
        parts = self.parts(both_sides(range(300)))
        share = parts.test["group_id"].n_unique() / 300
        assert share == pytest.approx(HOLDOUT, abs=0.07)

    def test_added_examples_move_no_group(self) -> None:
        few = self.parts(both_sides(range(20)))
        many = self.parts(both_sides(range(60)))
        for before, after in zip(few, many, strict=True):
            assert set(before["group_id"]) <= set(after["group_id"])

    def test_answers_about_held_out_groups_are_in_neither_part(self) -> None:
        rows = both_sides(range(30))
        answers = [example(f"answer-{g}", f"g{g}", True, origin="answer") for g in range(30)]
        parts = self.parts([*rows, *answers])
        assert "answer" in set(parts.train["origin"])
        assert "answer" not in set(parts.test["origin"])
        assert parts.test.equals(self.parts(rows).test), "the holdout follows no question"

    def test_a_named_holdout_wins(self) -> None:
        rows = [
            *both_sides(range(10)),
            *both_sides(range(10, 12), split="holdout"),
            example("relative", "g10", True),
            example("asked", "g11", True, origin="answer"),
            example("copy", "g5", True, image="yes-10-0"),
            example("spoilt", "g6", True, image="no-11-1", origin="synthetic"),
        ]
        parts = self.parts(rows)
        assert set(parts.test["split"]) == {"holdout"}
        assert set(parts.test["group_id"]) == {"g10", "g11"}
        assert parts.test.height == 8
        assert parts.train.equals(frame(both_sides(range(10))))

    @pytest.mark.parametrize("rows", [[], [example("a", "g0", True), example("b", "g0", False)]])
    def test_one_group_cannot_be_split(self, rows) -> None:
        with pytest.raises(TooFewExamples, match="label images of at least two products"):
            self.parts(rows)


class TestTooFew:
    negatives = tuple(example(f"n{i}", f"n{i}", False) for i in range(6))

    @pytest.mark.parametrize(
        ("positives", "found"),
        [
            ([], "0 of 0"),
            ([example("a", "g0", True)], "1 of 1"),
            ([example(f"a{i}", "g0", True) for i in range(5)], "5 of 1"),
            ([example(f"a{i}", f"g{i}", True, image="same") for i in range(5)], "1 of 5"),
        ],
    )
    def test_positives(self, positives, found) -> None:
        with pytest.raises(
            TooFewExamples, match=rf"'weapon' needs 3 .* are {found}, besides 0 held"
        ):
            require_examples("weapon", Parts(frame([*positives, *self.negatives]), frame([])))

    @pytest.mark.parametrize("negatives", [[], [example(f"n{i}", "n", False) for i in range(4)]])
    def test_negatives(self, negatives) -> None:
        positives = [example(f"a{i}", f"g{i}", True) for i in range(5)]
        with pytest.raises(TooFewExamples, match="`imgassets backfill`"):
            require_examples("weapon", Parts(frame([*positives, *negatives]), frame([])))

    def test_enough(self) -> None:
        positives = [example(f"a{i}", f"g{i % 2}", True) for i in range(3)]
        require_examples("weapon", Parts(frame([*positives, *self.negatives]), frame([])))

    def test_augmenting_says_so_too(self) -> None:
        with pytest.raises(TooFewExamples, match="'weapon' needs 3 images"):
            augment("weapon", lambda *_: frame(self.negatives), LEARNING, REVIEW, 0)


class Growing:
    """Grows examples: a blur that shows from the start, and one that shows from a stage on.

    Args:
        shows_from: the stage; earlier examples of that blur look like good images.
    """

    def __init__(self, shows_from: int) -> None:
        self.shows_from = shows_from
        self.asked: list[tuple[int, dict[str, float]]] = []

    def __call__(self, weights) -> pl.DataFrame:
        stage = len(weights) + 1
        self.asked.append((stage, dict(weights[-1]) if weights else {}))
        rows = both_sides(range(10))
        for group in range(10):
            for step in range(stage):
                for kind, looks in (
                    ("gaussian_blur", True),
                    ("motion_blur", stage >= self.shows_from),
                ):
                    name = f"{kind}-{group}-{step}"
                    rows.append(example(name, f"g{group}", True, looks=looks, kind=kind,
                                        origin="synthetic", image=f"no-{group}-0"))  # fmt: skip
        return frame(rows)


class TestAugment:
    def test_stops_at_the_target(self) -> None:
        grow = Growing(shows_from=1)
        examples, history = augment("blurry", grow, LEARNING, REVIEW, 0)
        assert grow.asked == [(1, {})]
        assert examples.equals(Growing(shows_from=1)([]))
        (stage,) = history
        made = split_examples(examples, 0).train
        assert stage.stage == 1
        assert stage.n_train == made.height
        assert stage.n_synthetic == (made["origin"] == "synthetic").sum()
        assert (stage.precision, stage.recall, stage.f1) == (1, 1, 1)

    def test_draws_more_of_what_was_answered_wrongly(self) -> None:
        grow = Growing(shows_from=2)
        _, history = augment("blurry", grow, LEARNING, REVIEW, 0)
        assert [stage for stage, _ in grow.asked] == [1, 2]
        weights = grow.asked[1][1]
        assert weights["motion_blur"] > 5 > weights["gaussian_blur"] >= 1
        assert history[0].recall < LEARNING.target_recall <= history[1].recall
        assert history[1].n_synthetic == 2 * history[0].n_synthetic

    def test_gives_up_when_a_stage_gains_nothing(self) -> None:
        grow = Growing(shows_from=99)
        examples, history = augment("blurry", grow, LEARNING, REVIEW, 0)
        assert [stage.stage for stage in history] == [1, 2]
        assert history[1].f1 < history[0].f1 + MIN_GAIN
        assert examples.equals(Growing(shows_from=99)([{}])), "the last stage's are trained on"
        assert all(stage.recall < LEARNING.target_recall for stage in history)

    def test_gives_up_after_the_last_stage(self) -> None:
        """Each stage shows a third more of the blur, and the last one is not enough."""

        def grow(weights) -> pl.DataFrame:
            stage = len(weights) + 1
            rows = both_sides(range(10))
            for group in range(10):
                for step in range(4):
                    rows.append(example(f"made-{group}-{step}", f"g{group}", True,
                                        looks=step < stage, kind="motion_blur",
                                        origin="synthetic", image=f"no-{group}-0"))  # fmt: skip
            return frame(rows)

        examples, history = augment("blurry", grow, LEARNING, REVIEW, 0)
        assert [stage.stage for stage in history] == [1, 2, 3]
        assert history[2].recall < LEARNING.target_recall
        assert examples.equals(grow([{}, {}])), "the last stage's are trained on"

    def test_without_synthetic_examples_there_is_one_stage(self) -> None:
        rows = both_sides(range(6), looks=False)
        _, history = augment("weapon", lambda *_: frame(rows), LEARNING, REVIEW, 0)
        assert [(stage.stage, stage.n_synthetic) for stage in history] == [(1, 0)]


def measured(f1: float) -> Measures:
    return Measures(10, 5, f1, f1, f1, 0.0)


class TestChooseApproach:
    def trained(self, approach: str, f1: float) -> Trained:
        one = FlagModel("blurry", approach, None, {}, (), "v1", {})
        return Trained(one, measured(f1), np.zeros(1))

    def test_the_better_head_wins(self) -> None:
        logistic, forest = self.trained("logistic", 0.8), self.trained("forest", 0.9)
        assert choose_approach([logistic, forest], 0.01) is forest

    @pytest.mark.parametrize(("f1", "wins"), [(0.95, True), (0.905, False), (0.9, False)])
    def test_pixels_must_win_by_a_margin(self, f1, wins) -> None:
        head, block = self.trained("logistic", 0.9), self.trained("retrained_block", f1)
        assert choose_approach([head, block], 0.01) is (block if wins else head)


class TestContest:
    test = frame(both_sides(range(4)))

    def with_rule(self, *, right: bool) -> pl.DataFrame:
        said = pl.col("value") if right else pl.lit(False)
        return self.test.with_columns(rule_answer=said)

    def test_a_better_model_replaces_the_champion(self, good, silent) -> None:
        wins, why = contest(good.model, silent.model, "champion 3", self.test, None)
        assert wins
        assert why.startswith("better than champion 3 on the same 16 held-out examples: f1 1.0000")
        assert "against 0.0000 (+1.0000)" in why

    def test_a_worse_one_and_an_equal_one_do_not(self, good, silent) -> None:
        wins, why = contest(silent.model, good.model, "champion 3", self.test, None)
        assert not wins
        assert why.startswith("not better than champion 3")
        assert not contest(good.model, good.model, "champion 3", self.test, None)[0]

    def test_what_the_champion_has_seen_does_not_count(self, good) -> None:
        """Half of the held-out groups were in the champion's training."""
        seen = train([*both_sides(range(300, 303), looks=False), *both_sides(range(2))])
        _, why = contest(good.model, seen.model, "champion 3", self.test, None)
        assert "on the same 8 held-out examples" in why
        all_seen = train(both_sides(range(4)))
        wins, why = contest(good.model, all_seen.model, "champion 3", self.test, None)
        assert not wins
        assert why.startswith("not comparable with champion 3: no held-out example deserves")

    def test_without_held_out_positives_nobody_wins(self, good, silent) -> None:
        negatives = self.test.filter(~pl.col("value"))
        wins, why = contest(good.model, silent.model, "champion 3", negatives, None)
        assert (wins, why.split(":")[0]) == (False, "not comparable with champion 3")
        ruled = negatives.with_columns(rule_answer=pl.lit(False))
        wins, why = contest(good.model, None, "", ruled, None)
        assert (wins, why.split(":")[0]) == (False, "not comparable with the quality rule")

    def test_a_first_model_meets_the_rule(self, good) -> None:
        wins, why = contest(good.model, None, "", self.with_rule(right=False), None)
        assert (wins, why.split(" on ")[0]) == (True, "better than the quality rule")
        wins, why = contest(good.model, None, "", self.with_rule(right=True), None)
        assert (wins, why.split(" on ")[0]) == (False, "not better than the quality rule")

    def test_a_first_model_without_a_rule_answers(self, silent) -> None:
        wins, why = contest(silent.model, None, "", self.test, None)
        assert (wins, why) == (True, "first version: there is nothing to compare with")

    def test_a_champion_for_other_signals_is_replaced(self, good) -> None:
        other = train(both_sides(range(100, 106)), version="v2")
        wins, why = contest(good.model, other.model, "champion 3", self.test, None)
        assert wins
        assert "reads signals 'v2', not 'v1': not comparable, replaced" in why


@pytest.mark.soak
def test_training_is_deterministic() -> None:
    rows = frame(both_sides(range(6), spread=1.5))
    one, other = (train_heads("blurry", rows, LEARNING, REVIEW, 3) for _ in range(2))
    assert [t.model.approach for t in one] == ["logistic", "forest"]
    for a, b in zip(one, other, strict=True):
        assert a.model.limits == b.model.limits
        assert np.array_equal(a.p, b.p)


def test_a_model_remembers_its_training_part(good) -> None:
    assert good.model.info["counts"] == {"positive": 12, "negative": 12}
    assert good.model.info["train_groups"] == [f"g{g}" for g in range(100, 106)]


def test_the_hash_covers_all_that_decides() -> None:
    rows = both_sides(range(3))
    base = data_hash(frame(rows), "v1", "p", 0)
    assert base == data_hash(frame(rows[::-1]), "v1", "p", 0)
    changed = [{**rows[0], **change} for change in (
        {"value": False}, {"group_id": "other"}, {"split": "holdout"}, {"origin": "answer"},
    )]  # fmt: skip
    others = [data_hash(frame([row, *rows[1:]]), "v1", "p", 0) for row in changed]
    others += [
        data_hash(frame(rows[1:]), "v1", "p", 0),
        data_hash(frame(rows), "v2", "p", 0),
        data_hash(frame(rows), "v1", "q", 0),
        data_hash(frame(rows), "v1", "p", 1),
    ]
    assert len({base, *others}) == 9
