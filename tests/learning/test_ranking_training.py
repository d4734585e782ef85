from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from imgassets.learning.ranking import competition, training
from imgassets.learning.ranking.approaches import APPROACHES
from imgassets.learning.ranking.card import describe_ranker, weak_families
from imgassets.learning.ranking.champion import MODEL, load_ranker
from imgassets.learning.ranking.competition import compete
from imgassets.learning.ranking.evaluation import (
    ALL,
    HELD_OUT,
    UNSEEN_FAMILIES,
    accuracy_of,
    evaluate_methods,
    held_out_pairs,
    unseen_pairs,
)
from imgassets.learning.ranking.training import train_ranker
from imgassets.learning.synthetic.distortions import TRAINED, UNSEEN
from imgassets.reviews.baselines import AESTHETIC, BASELINES, RANKER
from imgassets.reviews.prompt import builtin_limits
from imgassets.warehouse.contracts import RankingEvaluations
from tests.learning.ranking_cases import VERSION, data

FEW = {name: APPROACHES[name] for name in ("siamese", "measured")}


@pytest.fixture(scope="module")
def found():
    return compete(data(), FEW)


def value(evaluations: pl.DataFrame, dataset: str, method: str, part: str = ALL) -> float:
    row = evaluations.filter(
        pl.col("dataset") == dataset, pl.col("method") == method, pl.col("slice") == part
    )
    return row["value"].item()


class TestEvaluation:
    def test_a_perfect_score_a_reversed_one_and_ties(self) -> None:
        test = data().test
        pairs = unseen_pairs(test, builtin_limits())
        severity = test["severity"].to_numpy()
        scores = {"right": -severity, "wrong": severity, "same": np.zeros(len(severity))}
        rows = evaluate_methods(pairs, {**scores, "none": None}, UNSEEN_FAMILIES, 0)
        for method, share in (("right", 1.0), ("wrong", 0.0), ("same", 0.5)):
            assert value(rows, UNSEEN_FAMILIES, method) == share
            assert value(rows, UNSEEN_FAMILIES, method, "jpeg") == share
        nothing = rows.filter(pl.col("method") == "none")
        assert nothing["value"].null_count() == nothing.height
        assert nothing["note"].str.contains("train nima").all()
        assert np.isnan(accuracy_of(severity, pairs, "no such part"))

    def test_parts_by_family_and_severity(self) -> None:
        pairs = unseen_pairs(data().test, builtin_limits())
        assert set(UNSEEN) <= set(pairs.slices)
        thirds = [pairs.slices[f"tilt, severity {s}"] for s in ("0.33", "0.67", "1")]
        assert (np.sum(thirds, axis=0) == pairs.slices["tilt"]).all()

    def test_held_out_pairs_by_type_and_family(self) -> None:
        pairs = held_out_pairs(data().test, 200, 0, builtin_limits())
        types = [name for name in pairs.slices if " > " in name]
        assert len(types) == 6
        assert (np.sum([pairs.slices[t] for t in types], axis=0) == pairs.slices[ALL]).all()
        assert not (pairs.slices["rotation"] & pairs.slices[ALL]).any()


class TestCompetition:
    def test_all_methods_are_asked_about_the_same_pairs(self, found) -> None:
        whole = found.evaluations.filter(pl.col("slice") == ALL)
        assert set(whole["method"]) == {RANKER, *FEW, *BASELINES}
        for dataset in (HELD_OUT, UNSEEN_FAMILIES):
            n = whole.filter(pl.col("dataset") == dataset, pl.col("value").is_not_null())["n"]
            assert n.n_unique() == 1
        assert whole.filter(pl.col("method") == AESTHETIC)["value"].null_count() == 2

    def test_it_learns_what_distortions_have_in_common(self, found) -> None:
        assert value(found.evaluations, HELD_OUT, RANKER) > 0.8
        assert value(found.evaluations, UNSEEN_FAMILIES, RANKER) > 0.8

    def test_the_choice_is_made_on_families_left_out_in_the_training_part(self, found) -> None:
        assert set(found.comparison["without"]) == set(TRAINED)
        means = dict(found.comparison.group_by("approach").agg(pl.col("accuracy").mean()).rows())
        assert found.model.approach == max(FEW, key=lambda name: means[name])
        assert found.model.info["compared"] == pytest.approx(means)
        own = found.evaluations.filter(pl.col("method") == RANKER).drop("method")
        same = found.evaluations.filter(pl.col("method") == found.model.approach).drop("method")
        assert own.equals(same)

    def test_every_distortion_is_left_out_once(self, found) -> None:
        assert list(found.ablation["without"].unique(maintain_order=True)) == ["", *TRAINED]
        assert set(found.ablation["family"]) == {*TRAINED, *UNSEEN}
        assert found.ablation["accuracy"].is_between(0, 1).all()

    def test_progress_counts_every_fit(self) -> None:
        calls: list[tuple[int, int]] = []
        only = {"siamese": APPROACHES["siamese"]}
        compete(data(pairs=100, epochs=1), only, lambda *call: calls.append(call))
        assert calls == [(i, 16) for i in range(1, 17)]

    def test_no_pairs_are_an_error_that_says_so(self) -> None:
        of = data()
        with pytest.raises(ValueError, match="no examples to train on"):
            compete(training.Data(**{**vars(of), "held": set(of.examples["group_id"])}), FEW)

    def test_weak_families_are_named_worst_first(self, found) -> None:
        own = found.evaluations.filter(pl.col("method") == RANKER).with_columns(
            value=pl.when(pl.col("slice") == "tilt").then(0.4)
            .when(pl.col("slice") == "rotation").then(0.7).otherwise(0.99)
        )  # fmt: skip
        first, second = weak_families(own)
        assert first.startswith("weak on tilt")
        assert "never trained on" in first
        assert second.startswith("weak on rotation")


class TestRegistry:
    @pytest.fixture(autouse=True)
    def few_approaches(self, monkeypatch) -> None:
        monkeypatch.setattr(training, "APPROACHES", {"siamese": APPROACHES["siamese"]})
        monkeypatch.setattr(competition, "TRAINED", ("gaussian_blur", "rotation"))

    def test_a_version_is_made_once_and_only_a_better_one_replaces_it(self, registry) -> None:
        first = train_ranker(data(), registry, 7)
        assert first.retrained
        assert first.promoted
        assert first.explanation.startswith("first version")
        assert set(first.plots) == {"accuracy_by_family", "score_against_blur", "ablation"}
        assert all(png.startswith(b"\x89PNG") for png in first.plots.values())
        rows = first.evaluations.with_columns(model_version=pl.lit(f"{MODEL}-1"))
        assert RankingEvaluations.conform(rows).height == rows.height

        again = train_ranker(data(), registry, 8)
        assert not again.retrained
        assert again.version.version == 1
        assert again.evaluations.equals(first.evaluations)
        assert again.ablation.equals(first.ablation)

        worse = train_ranker(data(epochs=1, learning_rate=1e-6), registry, 9)
        assert worse.retrained
        assert not worse.promoted
        assert "not better than champion 1 on the same" in worse.explanation
        assert registry.champion(MODEL).version == 1

        ranker = load_ranker(registry, VERSION)
        assert ranker.version == f"{MODEL}-1"
        scores = ranker.model.scores(data().test)
        assert ((scores >= 0) & (scores <= 1)).all()
        other = load_ranker(registry, "other features")
        assert other.model is None
        assert "reads features 'invented-1', not 'other features'" in other.notes[0]

        card = (registry.download(MODEL, 1) / "card.md").read_text()
        assert "synthetic pairs" in card
        assert "unseen distortions: jpeg" in card

    def test_no_champion_is_no_error(self, new_registry) -> None:
        assert load_ranker(new_registry, VERSION).model is None


def test_an_approach_that_is_named_is_fitted_alone_and_once() -> None:
    of = data(pairs=200, epochs=1)
    named = of.settings.model_copy(update={"approach": "graded"})
    calls: list[tuple[int, int]] = []
    found = compete(replace(of, settings=named), progress=lambda *call: calls.append(call))
    assert calls == [(1, 1)]
    assert found.model.approach == "graded"
    assert found.ablation.is_empty()
    assert "no other approach was tried" in describe_ranker(of, found, decision="").approach
    assert "ablation" not in training.draw(of, found)


def test_another_approach_must_be_clearly_better_than_the_last() -> None:
    def chosen(lead: list[float]) -> str:
        rows = [("siamese", str(i), 0.8 + d) for i, d in enumerate(lead)]
        rows += [("measured", str(i), 0.8) for i in range(len(lead))]
        schema = ["approach", "without", "accuracy"]
        return competition._best(pl.DataFrame(rows, schema, orient="row"), ["siamese", "measured"])

    assert chosen([0.05, 0.06, 0.05, 0.07]) == "siamese"
    assert chosen([0.2, -0.15, 0.1, -0.1]) == "measured"
    assert chosen([-0.1, -0.1]) == "measured"
