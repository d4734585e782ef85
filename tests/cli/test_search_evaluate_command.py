"""`imgassets search evaluate`: with a training that is stood in for, and whole."""

from __future__ import annotations

import json
from types import SimpleNamespace

import polars as pl
import pytest

from imgassets.cli.common import console
from imgassets.operations import models
from imgassets.search.baseline import WORDS, words_run
from imgassets.search.evaluation import MethodRun
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse
from tests.command import run_command
from tests.judged_products import write_judged_products

FILES = ("--products", "products.csv", "--queries", "queries.csv", "--qrels", "qrels.csv")


class NoRegistry:
    """Has no model, and forgets what is logged."""

    def log_comparison(self, *_):
        return "run"

    def models(self):
        return []


def stand_in(data, search, vision, *, ablate, tell):
    """Find by words, as if a model had been trained."""
    tell("training")
    words = words_run(data.test.rows, data.test_queries.queries)
    backwards = words.with_columns(score=-pl.col("score"))
    runs = [MethodRun(WORDS, words), MethodRun("images", backwards, against=WORDS)]
    if ablate:
        runs.append(MethodRun("images, without colour", backwards, against="images"))
    return SimpleNamespace(runs=runs, notes=("a note of the training",))


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    return write_judged_products(tmp_path_factory.mktemp("shapes"), each=2)


@pytest.fixture(scope="module")
def evaluate(shapes, tmp_path_factory):
    from imgassets.learning.search import competition

    home = tmp_path_factory.mktemp("home")
    variables = {"IMGASSETS_HOME": str(home), "IMGASSETS_VISION__WORKERS": "1"}

    def run(*options, files=FILES):
        return run_command(
            "search", "evaluate", *files, *options, environment=variables, folder=shapes
        )

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(models, "open_registry", lambda settings: NoRegistry())
        patched.setattr(competition, "compete", stand_in)
        patched.setattr(console, "width", 250)  # no cell is broken, whatever the terminal
        run.home = home
        yield run


def test_figures_differences_rows_and_pages(evaluate):
    done = evaluate("--group", "style", "--ablate", "--name", "drawn")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "6 queries over 12 products" in said
    assert "Learnt from 24 other products and 12 judged queries" in said
    assert "a note of the training" in said
    assert "1.000 (1.000 … 1.000)" in said
    assert "Against another method" in said
    settings = Settings(home=evaluate.home)
    rows = Warehouse(settings.warehouse, settings.warehouse_data).sql("FROM search_evaluations")
    assert set(rows["method"]) == {WORDS, "images", "images, without colour"}
    assert {name[:8] for name in rows["model_version"]} == {"trained-"}
    pages = settings.home / "galleries" / "search-drawn"
    assert {path.name for path in pages.iterdir()} == {
        "index.html", "words_BM25_on_titles.html", "images.html", "images_without_colour.html",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "files", "said"),
    [
        ((), ("--products", "none.csv", *FILES[2:]), "none.csv: not a readable CSV file"),
        (("--group", "size"), FILES, "missing columns: size; the file has: product_id"),
        (("--images", "elsewhere"), FILES, "no image of the products is in elsewhere"),
        (("--champion",), FILES, "no search model is registered: run `imgassets train search`"),
        ((), (*FILES[:4], "--qrels", "products.csv"), "missing columns: query_id, relevance"),
    ],
)
def test_a_fault_is_one_line_with_the_remedy(evaluate, options, files, said):
    done = evaluate(*options, files=files)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert said in done.stderr


@pytest.mark.soak
def test_the_whole_training_finds_shapes_by_their_pictures(shapes, tmp_path):
    done = run_command(
        "search", "evaluate", *FILES, "--group", "style", "--format", "json",
        environment={
            "IMGASSETS_HOME": str(tmp_path / "home"),
            "IMGASSETS_VISION__WORKERS": "1",
            "IMGASSETS_SEARCH__EPOCHS": "10",
            "IMGASSETS_SEARCH__LORA_EPOCHS": "1",
            "IMGASSETS_SEARCH__RERANKER": "pointwise",
            "IMGASSETS_SEARCH__DEPTH": "10",
        },
        folder=shapes,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = pl.DataFrame([json.loads(line) for line in done.stdout.splitlines()])
    found = dict(rows.filter(slice="all", measure="nDCG@10").select("method", "value").iter_rows())
    # Any order of eight products of the shape has about a third of the best gain.
    assert found["images"] > 0.7
    assert found["re-ranked"] > 0.7
