"""What an evaluation of search leaves: rows, views, pages, and a run in MLflow."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from imgassets.learning.search.data import ITEMS, Items, Judged, SearchData
from imgassets.operations.search_evaluation import champion_runs, report_runs
from imgassets.search.baseline import WORDS, words_run
from imgassets.search.evaluation import MethodRun
from imgassets.search.measures import best_of
from imgassets.vision.inputs import InputSpec
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.views import sql_folder
from tests.judged_products import COLOURS, SHAPES

COPIES = 2


class Model:
    """Sees nothing, takes every query for the first item's, and re-ranks by the last number."""

    def __init__(self):
        self.encoder = self

    def image_features(self, frame):
        return np.zeros((frame.height, 0), np.float32)

    def embed_images(self, squares, features):
        return np.linspace(1, 0, len(squares), dtype=np.float32)[:, None]

    def embed_texts(self, texts):
        return np.ones((len(texts), 1), np.float32)

    def reranker_inputs(self, vectors, frame):
        return np.arange(len(vectors), dtype=np.float32)[:, None]

    def scores(self, query, query_vector, image_vectors, inputs):
        return inputs[:, 0].astype(np.float64) / 1000


class Registry:
    """Keeps what is logged."""

    def __init__(self):
        self.logged = []

    def log_comparison(self, *what):
        self.logged.append(what)
        return "run"


def items():
    groups = [(c, s, n) for c in COLOURS for s in SHAPES for n in range(COPIES)]
    rows = pl.DataFrame(
        {
            "item_id": [f"{c}-{s}-{n}" for c, s, n in groups],
            "group_id": [f"{c} {s}" for c, s, _ in groups],
            "category": [s for _, s, _ in groups],
            "title": [f"A {c} {s}" for c, s, _ in groups],
            "text": [f"A {c} {s}" for c, s, _ in groups],
            "attributes": [[] for _ in groups],
        },
        ITEMS,
    )
    squares = np.zeros((len(groups), 4, 4, 3), np.uint8)
    return Items(rows, squares, pl.DataFrame({"x": [0.0] * len(groups)}), InputSpec(4, "pad"))


def judged():
    pairs = [(c, s) for c in COLOURS for s in SHAPES]
    queries = pl.DataFrame(
        {
            "query_id": [f"q{n:02}" for n in range(len(pairs))],
            "query": [s if n % 2 else f"{c} {s}" for n, (c, s) in enumerate(pairs)],
        }
    )
    answers = [
        (f"q{n:02}", f"{c}-{s}-{copy}", 2)
        for n, (c, s) in enumerate(pairs)
        for copy in range(COPIES)
    ]
    schema = {"query_id": pl.String, "item_id": pl.String, "relevance": pl.Int64}
    return Judged(queries, pl.DataFrame(answers, schema, orient="row"))


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation")
    warehouse = Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data")
    part = items()
    data = SearchData(part, judged(), part, judged(), seed=0, features_version="f-1")
    words = words_run(part.rows, data.test_queries.queries)
    worse = words.with_columns(score=-pl.col("score"))
    registry = Registry()

    def report():
        return report_runs(
            warehouse, registry, data,
            [MethodRun(WORDS, words), MethodRun("backwards", worse, WORDS, "no method")],
            dataset="shapes", model_version="m-1",
            named=lambda query: ["colour"] if any(c in query for c in COLOURS) else [],
            load={}.__getitem__, folder=folder / "pages", notes=["left out: 1 thing"],
        )  # fmt: skip

    first = report()
    again = report()
    assert again.found.rows.equals(first.found.rows)  # deterministic, and replaced below
    return first, warehouse, registry


def test_rows_are_in_the_warehouse_once(reported):
    first, warehouse, _ = reported
    stored = warehouse.sql("FROM search_evaluations")
    assert stored.height == first.found.rows.height == 2 * 3 * 6
    assert set(stored["slice"]) == {"all", "names colour", "names no attribute"}
    assert set(stored.filter(method="backwards")["note"]) == {"no method"}


def test_the_view_and_the_queries_say_what_was_found(reported):
    _, warehouse, _ = reported
    best = warehouse.sql("FROM search_report WHERE slice = 'names colour'").row(0, named=True)
    assert (best["method"], best["queries"], best["recall_10"]) == (WORDS, 9, 1)
    assert (best["ndcg_10"], best["ndcg_10_lower"], best["against"]) == (1, 1, None)
    queries = sql_folder() / "queries"
    gains = warehouse.sql((queries / "what_each_part_of_search_gives.sql").read_text())
    assert gains.select("method", "against").rows() == [("backwards", WORDS)]
    assert gains["gain_upper"].item() < 0
    by_type = warehouse.sql((queries / "which_queries_search_answers_badly.sql").read_text())
    assert by_type.height == 4
    assert by_type["ndcg_10"].is_sorted()


def test_pages_are_written_and_logged_with_figures(reported):
    first, _, registry = reported
    pages = {path.name: path.read_text(encoding="utf-8") for path in first.folder.iterdir()}
    assert set(pages) == {"index.html", "words_BM25_on_titles.html", "backwards.html"}
    assert 'href="backwards.html"' in pages["index.html"]
    assert "left out: 1 thing" in pages["index.html"]
    assert "names colour" in pages["backwards.html"]
    experiment, params, metrics, files = registry.logged[0]
    assert experiment == "search_evaluations"
    assert files == pages
    assert params["queries"] == 18
    assert metrics[f"{WORDS}: nDCG@10"] > metrics["backwards: nDCG@10"]


def test_a_report_needs_an_answer(reported, tmp_path):
    _, warehouse, registry = reported
    part = items()
    nothing = dataclasses.replace(judged(), judgements=judged().judgements.clear())
    data = SearchData(part, nothing, part, nothing, seed=0, features_version="f-1")
    with pytest.raises(ValueError, match="no query has an answer"):
        report_runs(
            warehouse, registry, data, [], dataset="d", model_version="m", named=lambda _: [],
            load={}.__getitem__, folder=tmp_path,
        )  # fmt: skip


def test_a_registered_model_is_asked_for_vectors_and_for_the_order_of_the_nearest():
    part = items()
    data = SearchData(part, judged(), part, judged(), seed=0, features_version="f-1")
    words, images, reranked = champion_runs(Model(), data, depth=5)
    ids = part.rows["item_id"].to_list()
    assert [words.name, images.name, reranked.name] == [WORDS, "images", "re-ranked"]
    assert reranked.against == images.name
    assert best_of(images.run, 7).filter(query_id="q00")["item_id"].to_list() == ids[:7]
    first = best_of(reranked.run, 7).filter(query_id="q00")["item_id"].to_list()
    assert first == [*reversed(ids[:5]), *ids[5:7]]
