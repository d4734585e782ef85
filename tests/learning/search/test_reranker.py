from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imgassets.learning.search.reranker import Reranker, load_model, pair_inputs
from imgassets.learning.search.reranker_fit import (
    LOSSES,
    Chosen,
    QueryList,
    Reading,
    fit_reranker,
)

DIMENSION, FEATURES, MATCH = 4, 3, 2
ALL = np.ones(1 + 3 * DIMENSION + FEATURES + MATCH, bool)
EVERYTHING = {"everything": Reading(ALL, (32,))}


def lists(n: int = 48, seed: int = 0) -> list[QueryList]:
    """Return lists whose answer only a feature tells: the vectors say nothing."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        features = rng.standard_normal((30, FEATURES)).astype(np.float32)
        grades = np.select([features[:, 1] > 1, features[:, 1] > 0], [1.0, 0.5]).astype(np.float32)
        query, images, match = (
            rng.standard_normal(shape).astype(np.float32)
            for shape in (DIMENSION, (30, DIMENSION), (30, MATCH))
        )
        inputs = pair_inputs(query, images, features, match)
        found.append(QueryList(inputs, grades, number % 3, np.sort(grades)[::-1]))
    return found


@pytest.fixture(scope="module")
def chosen() -> Chosen:
    return fit_reranker(lists(), EVERYTHING, seed=0)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns_what_retrieval_does_not_know(chosen: Chosen, loss: str) -> None:
    assert chosen.compared[f"everything, {loss}"] > chosen.compared["retriever"] + 0.1


def test_the_best_loss_out_of_fold_wins(chosen: Chosen) -> None:
    best = max(LOSSES, key=lambda loss: chosen.compared[f"everything, {loss}"])
    assert chosen.loss == best
    assert chosen.reranker.info["loss"] == chosen.loss


def test_scores_are_probabilities_of_a_full_answer(chosen: Chosen) -> None:
    fresh = lists(seed=1)
    logits = np.concatenate([chosen.reranker.logits(one.inputs) for one in fresh])
    slope, intercept = chosen.reranker.calibration
    said = 1 / (1 + np.exp(-(slope * logits + intercept)))
    true = np.concatenate([one.grades for one in fresh]) >= 1
    sure = said > 0.5
    assert said.min() >= 0
    assert said.max() <= 1
    assert true[sure].mean() > 0.5
    assert true[~sure].mean() < 0.2


def test_inputs_that_may_not_be_read_change_nothing() -> None:
    read = ALL.copy()
    read[1 + 3 * DIMENSION : 1 + 3 * DIMENSION + FEATURES] = False
    blind = fit_reranker(lists(), {"blind": Reading(read, (8,))}, seed=0, loss="pointwise").reranker
    one = lists()[0].inputs
    changed = one.copy()
    changed[:, ~read] = 7
    assert (blind.logits(one) == blind.logits(changed)).all()


def test_a_saved_reranker_scores_the_same(chosen: Chosen, tmp_path: Path) -> None:
    (tmp_path / "reranker").mkdir()
    chosen.reranker.save(tmp_path / "reranker")
    again = Reranker.load(tmp_path / "reranker")
    query, images, features, match = (
        np.random.default_rng(2).standard_normal(shape).astype(np.float32)
        for shape in (DIMENSION, (5, DIMENSION), (5, FEATURES), (5, MATCH))
    )
    scores = chosen.reranker.scores(query, images, features, match)
    assert (again.scores(query, images, features, match) == scores).all()
    rows = {
        "query": [query.tolist()] * 5, "image": images.tolist(),
        "features": features.tolist(), "match": match.tolist(),
    }  # fmt: skip
    served = load_model(tmp_path).predict_frame(pd.DataFrame(rows))
    assert served["relevance"].to_numpy() == pytest.approx(scores, abs=1e-5)


def test_a_network_that_learns_nothing_does_not_count() -> None:
    """The answer is the likeness itself; what the network may read is luck."""
    rng = np.random.default_rng(5)
    unlucky = []
    for one in lists():
        inputs = rng.standard_normal(one.inputs.shape).astype(np.float32)
        inputs[:, 0] = one.grades + 0.1 * rng.standard_normal(len(one.grades))
        unlucky.append(replace(one, inputs=inputs))
    blind = ALL.copy()
    blind[0] = False
    chosen = fit_reranker(unlucky, {"luck": Reading(blind, ())}, seed=0)
    assert chosen.reranker.info["share"] <= 0.2
    assert chosen.compared["luck, " + chosen.loss] >= chosen.compared["retriever"]


def test_queries_of_one_fold_are_an_error() -> None:
    with pytest.raises(ValueError, match="several styles"):
        fit_reranker(lists(1), EVERYTHING, seed=0)
