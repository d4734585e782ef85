"""The whole training of a search model on small coloured things."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning.search.competition import (
    FUSED,
    IMAGES,
    RERANKED,
    TUNED,
    Found,
    compete,
    search_run,
)
from imgassets.learning.search.data import SearchData
from imgassets.learning.search.folds import Folds
from imgassets.learning.search.model import SearchModel
from imgassets.search.baseline import WORDS
from imgassets.search.measures import mean_of, measure
from imgassets.search.settings import SearchSettings
from imgassets.settings import VisionSettings
from tests.search_cases import items, search_data

VISION = VisionSettings(workers=1, device="cpu")
SEARCH = SearchSettings(
    dimension=16, epochs=10, learning_rate=5e-3, lora_rank=2, lora_epochs=1, reranker="pointwise",
    depth=20,
)  # fmt: skip


@pytest.fixture(scope="module")
def data() -> SearchData:
    return search_data(n_train=120, n_test=40)


@pytest.fixture(scope="module")
def found(data: SearchData) -> Found:
    return compete(data, SEARCH, VISION)


def test_every_method_answers_the_test_alone(found: Found, data: SearchData) -> None:
    assert [run.name for run in found.runs] == [WORDS, IMAGES, TUNED, RERANKED, FUSED]
    held = set(data.test.rows["item_id"])
    for method in found.runs:
        assert set(method.run["item_id"]) <= held
        assert method.against in (None, *(other.name for other in found.runs))


def test_things_that_were_never_seen_are_found(found: Found, data: SearchData) -> None:
    judgements = data.test_queries.judgements
    ndcg = {one.name: mean_of(measure(one.run, judgements, 2)) for one in found.runs}
    assert ndcg[IMAGES] > 0.5
    assert ndcg[RERANKED] > ndcg[IMAGES] - 0.02
    assert found.compared["retriever"] <= max(found.compared.values())


def test_a_saved_model_finds_the_same(found: Found, data: SearchData, tmp_path: Path) -> None:
    found.model.save(tmp_path)
    again = SearchModel.load(tmp_path, VISION)
    assert again.encoder_version.startswith("dual-")
    queries = data.test_queries.queries.head(4)
    reranked = next(one.run for one in found.runs if one.name == RERANKED)
    before = reranked.filter(reranked["query_id"].is_in(queries["query_id"].implode()))
    after = search_run(again, data.test, queries, SEARCH.depth)
    joined = before.join(after, on=["query_id", "item_id"])
    assert joined.height == before.height == after.height
    assert np.allclose(joined["score"], joined["score_right"], atol=1e-4)


def test_a_model_that_cannot_be_read_is_refused_with_the_remedy(
    found: Found, tmp_path: Path
) -> None:
    found.model.save(tmp_path)
    (tmp_path / "attributes" / "attributes.json").write_text('{"heads": [{}]}')
    with pytest.raises(ValueError, match=r"imgassets train search|no heads"):
        SearchModel.load(tmp_path, VISION)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(ValueError, match="train it again"):
        SearchModel.load(tmp_path, VISION)


def test_what_is_sold_does_not_score_low(found: Found, data: SearchData) -> None:
    model = found.model
    vectors = model.encoder.embed_images(
        data.test.squares, model.image_features(data.test.features)
    )
    inputs = model.reranker_inputs(vectors, data.test.features)

    def best(query: str) -> float:
        scores = model.scores(query, model.encoder.embed_texts([query])[0], vectors, inputs)
        return float(scores.max())

    assert not model.is_low(best("red disc"))
    assert model.is_low(model.low - 1e-6)
    # What no title names is no matter of scores: the search is not begun.
    assert model.encoder.unknown_words("coffee machine") == ["coffee", "machine"]


def test_folds_keep_styles_and_their_queries_together(data: SearchData) -> None:
    folds = Folds.of(data.train.rows, data.train_queries, seed=3)
    assert sorted(np.concatenate([folds.held(fold) for fold in folds.all])) == list(range(120))
    for fold in folds.all:
        ids = set(data.train.rows["item_id"][folds.learnt(fold)])
        outside = folds.asked_outside(fold)
        assert set(outside.judgements["item_id"]) <= ids
        assert all(folds.of_query[query] != fold for query in outside.queries["query_id"])
        own = {
            name.removeprefix("judged:")
            for name in folds.questions(fold).queries["query_id"]
            if name.startswith("judged:")
        }
        assert all(folds.of_query[query] == fold for query in own)


def test_too_few_styles_are_an_error() -> None:
    few = items(6, 0)
    one = few.rows.with_columns(group_id=pl.lit("one"))
    with pytest.raises(ValueError, match="6 images of 1 styles are too few"):
        Folds.of(one, search_data(10, 10).train_queries, 0)
