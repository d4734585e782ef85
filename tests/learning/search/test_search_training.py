from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning.registry import ModelRegistry
from imgassets.learning.search import training
from imgassets.learning.search.attribute_heads import AttributeHeads
from imgassets.learning.search.card import blind_attributes
from imgassets.learning.search.champion import MODEL, find_search_model, load_search_model
from imgassets.learning.search.clip import ClipEncoder
from imgassets.learning.search.competition import RERANKED, Found, search_run
from imgassets.learning.search.data import ITEMS, Items, Judged, SearchData
from imgassets.learning.search.features import reranker_matrix
from imgassets.learning.search.interpolation import interpolate
from imgassets.learning.search.model import SearchModel
from imgassets.learning.search.query_attributes import QueryAttributes
from imgassets.learning.search.questions import make_queries
from imgassets.learning.search.relevance import RelevanceScale
from imgassets.learning.search.reranker import Reranker
from imgassets.learning.search.tokens import Vocabulary
from imgassets.learning.search.training import SearchReport, train_search
from imgassets.search.evaluation import MethodRun
from imgassets.search.settings import SearchSettings
from imgassets.settings import VisionSettings
from imgassets.vision.record import FEATURES_VERSION
from tests.tiny_clip import DIMENSION, features_of, save_tiny_model

VISION = VisionSettings(device="cpu", workers=1)
COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> SearchSettings:
    return SearchSettings(encoder=str(save_tiny_model(tmp_path_factory.mktemp("tiny") / "clip")))


@pytest.fixture(scope="module")
def data(settings) -> SearchData:
    encoder = ClipEncoder(settings.encoder, None, VISION)
    names = [*COLOURS] * 4
    side = encoder.input.side
    squares = np.array([np.full((side, side, 3), COLOURS[name], np.uint8) for name in names])
    rows = pl.DataFrame(
        {
            "item_id": [f"{i:02d}" for i in range(len(names))],
            "group_id": [f"style {i // 3}" for i in range(len(names))],
            "category": "shirts",
            "title": [f"{name} shirt {i}" for i, name in enumerate(names)],
            "text": [f"{name} shirt {i}" for i, name in enumerate(names)],
            "attributes": [[{"attribute": "colour", "value": name}] for name in names],
        }
    ).select(pl.col(name).cast(dtype) for name, dtype in ITEMS.items())
    items = Items(rows, squares, features_of(squares), encoder.input)
    queries = make_queries(rows, 12, 0)
    return SearchData(items, queries, items, queries, 0, FEATURES_VERSION)


def model_of(settings: SearchSettings, data: SearchData) -> SearchModel:
    """Return a model whose re-ranker goes by the likeness alone."""
    n = 1 + 3 * DIMENSION + reranker_matrix(data.test.features, np.zeros((12, 0))).shape[1] + 1
    weight = np.zeros((n, 1), np.float32)
    weight[0] = 1
    layers = [(weight, np.zeros(1, np.float32))]
    scale = np.ones(n, np.float32)
    return SearchModel(
        encoder=ClipEncoder(settings.encoder, None, VISION),
        heads=AttributeHeads.none(),
        reader=QueryAttributes(Vocabulary.of(["red shirt"]), {}, {}),
        reranker=Reranker(layers, np.zeros(n, np.float32), scale, (1.0, 0.0), {}),
        groups=("colour",),
        features_version=FEATURES_VERSION,
        low=0.1,
    )


def compete_as(monkeypatch, model: SearchModel, data: SearchData, good: bool) -> list[str]:
    """Have a training find this model, and claim that it ranks well (or at random)."""
    asked: list[str] = []

    def compete(found_data, search, vision, *, tell):
        asked.append(search.encoder)
        judged = data.test_queries.judgements
        run = judged.select("query_id", "item_id", score=pl.col("relevance").cast(pl.Float64))
        if not good:
            run = run.with_columns(item_id=pl.lit("nothing")).unique(["query_id", "item_id"])
        return Found(
            model=model,
            runs=(MethodRun("images", run), MethodRun(RERANKED, run, "images")),
            notes=("a note",),
            interpolation=interpolate(lambda strength: (strength, 1 - strength), keep=0.5),
            n_train=len(found_data.train),
            n_queries=7,
            compared={"listwise": 0.5, "retriever": 0.4},
        )

    monkeypatch.setattr(training, "compete", compete)
    return asked


def train(data, registry, settings) -> SearchReport:
    return train_search(data, registry, settings, VISION, snapshot_id=3)


def test_a_better_version_answers_and_the_same_examples_make_no_second_one(
    registry: ModelRegistry, settings, data, monkeypatch
) -> None:
    model = model_of(settings, data)
    asked = compete_as(monkeypatch, model, data, good=True)
    first = train(data, registry, settings)
    assert (first.version.version, first.promoted, first.retrained) == (1, True, True)
    assert first.metrics["nDCG@10"] == 1
    assert set(first.evaluations["method"]) == {"images", RERANKED}
    assert set(first.evaluations["model_version"]) == {f"{MODEL}-1"}
    assert set(first.plots) == {"methods", "interpolation"}
    again = train(data, registry, settings)
    assert (again.version, again.retrained, again.promoted) == (first.version, False, False)
    assert again.evaluations.equals(first.evaluations)
    assert len(asked) == 1

    champion = load_search_model(registry, VISION)
    assert champion.version == f"{MODEL}-1"
    assert champion.encoder_version == champion.model.encoder_version
    assert find_search_model(registry) == replace(champion, model=None)
    assert RelevanceScale.load(champion.folder).n == 12
    ours, theirs = (
        search_run(one, data.test, data.test_queries.queries, 5) for one in (model, champion.model)
    )
    assert ours.equals(theirs)


def test_a_worse_version_does_not_answer_and_a_broken_champion_is_replaced(
    registry: ModelRegistry, settings, data, monkeypatch, tmp_path: Path
) -> None:
    compete_as(monkeypatch, model_of(settings, data), data, good=True)
    train(data, registry, settings)
    compete_as(monkeypatch, model_of(settings, data), data, good=False)
    second = train(replace(data, seed=1), registry, settings)
    assert (second.version.version, second.promoted) == (2, False)
    assert "not better than champion 1 on the same" in second.explanation
    other = replace(data, seed=2, features_version="features-9")
    third = train(other, registry, settings)
    assert third.promoted
    assert "reads features" in third.explanation


def test_queries_without_answers_are_refused_before_anything_is_trained(
    registry: ModelRegistry, settings, data, monkeypatch
) -> None:
    asked = compete_as(monkeypatch, model_of(settings, data), data, good=True)
    judged = data.test_queries
    mute = replace(data, test_queries=Judged(judged.queries, judged.judgements.clear()))
    with pytest.raises(ValueError, match="no query has an answer"):
        train(mute, registry, settings)
    assert not asked


def test_without_a_registered_model_nothing_answers(registry: ModelRegistry) -> None:
    champion = load_search_model(registry, VISION)
    assert (champion.model, champion.version, champion.folder) == (None, "", None)


def test_attributes_that_are_hardly_seen_are_named() -> None:
    accuracy = pl.DataFrame(
        {"attribute": ["fit", "colour"], "accuracy": [0.52, 0.9], "majority": [0.5, 0.2]}
    )
    (told,) = blind_attributes(accuracy)
    assert told.startswith("'fit' is hardly seen: held-out accuracy 0.52")
