"""Search by pictures through the command line: train, index, search; then another model."""

from __future__ import annotations

import json

import pytest

from imgassets.sample import SampleCatalog
from tests.command import run_command

# Three minutes; its parts are tested by themselves.
pytestmark = [pytest.mark.slow, pytest.mark.soak]


@pytest.fixture(scope="module")
def command(tmp_path_factory, sample: SampleCatalog):
    """Return what runs a command in a home that holds the sample catalog's image sets."""
    environment = {
        "IMGASSETS_HOME": str(tmp_path_factory.mktemp("shop") / "home"),
        "IMGASSETS_SEARCH__EPOCHS": "10",
        "IMGASSETS_SEARCH__RERANKER": "pointwise",
    }

    def run(*arguments: str, **more: str):
        done = run_command(*arguments, environment=environment | more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("ingest", str(sample.feeds), "--image-base", str(sample.folder))
    run("backfill")
    return run


def hits(command, query: str, method: str, **more: str):
    return json.loads(command("search", query, "--method", method, "--format", "json", **more))


def test_pictures_are_found_by_a_model_that_was_trained_here(command) -> None:
    command("train", "search")
    command("search", "index")
    for method in ("images", "reranked", "fused"):
        found = hits(command, "red t-shirt", method)
        assert found["method"] == method
        assert found["hits"]
        assert all(hit["image_id"] for hit in found["hits"])
    scores = [hit["score"] for hit in hits(command, "red t-shirt", "reranked")["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_what_the_model_never_heard_of_is_said(command) -> None:
    found = hits(command, "zwölf Bohrmaschinen", "images")
    assert found["is_low"]
    assert "knows none of these words" in found["note"]


def rows(command, query: str):
    return [json.loads(line) for line in command("sql", query, "--format", "json").splitlines()]


def test_what_was_made_is_there_to_query(command) -> None:
    lengths = "SELECT count(*) AS n, min(len(embedding)) AS d FROM image_embeddings"
    counted = rows(command, lengths)[0]
    assert counted["n"] > 0
    assert counted["d"] == 128
    assert 0 < rows(command, "SELECT avg(score) AS mean FROM image_relevance")[0]["mean"] < 1


def test_an_unchanged_catalog_is_not_trained_or_embedded_again(command) -> None:
    assert "same examples made version 1" in " ".join(command("train", "search").split())
    before = rows(command, "SELECT count(*) AS n FROM image_embeddings")
    command("search", "index")
    assert rows(command, "SELECT count(*) AS n FROM image_embeddings") == before


def test_another_models_index_is_refused_until_it_is_built_again(command) -> None:
    other = {"IMGASSETS_SEARCH__DIMENSION": "32"}
    command("train", "search", **other)
    command("models", "promote", "product_search", "2", **other)
    with pytest.raises(AssertionError, match="imgassets search index"):
        hits(command, "red t-shirt", "images", **other)
    command("search", "index", **other)
    assert hits(command, "red t-shirt", "images", **other)["hits"]
