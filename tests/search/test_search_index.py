"""The index folder: what is found in it, how it is renewed, and when it is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from imgassets.search import index_update
from imgassets.search.ann import AnnIndex
from imgassets.search.index import (
    CURRENT,
    GRAPH,
    INPUTS,
    MANIFEST,
    VECTORS,
    IndexMissing,
    IndexRefused,
    SearchIndex,
)
from imgassets.search.index_update import IMAGE, Source, update_index

DIMENSION = 24


def vector_of(image_id, salt=""):
    seed = int(hashlib.sha256(f"{image_id}{salt}".encode()).hexdigest()[:8], 16)
    found = np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
    return found / np.linalg.norm(found)


class Catalog:
    """A made-up catalog, and what was read of it."""

    def __init__(self, images, encoder="e-1", inputs="i-1", width=3):
        self.images, self.encoder, self.inputs, self.width = list(images), encoder, inputs, width
        self.loaded = []

    def source(self):
        return Source(
            self.encoder, self.inputs, DIMENSION, self.width, wanted=self.wanted, load=self.load
        )

    def wanted(self, categories):
        rows = [row for row in self.images if categories is None or row[0] in categories]
        return pl.DataFrame(rows, schema=dict.fromkeys(IMAGE, pl.String), orient="row")

    def load(self, rows):
        ids = rows["image_id"].to_list()
        self.loaded += ids
        vectors = np.array([vector_of(i, self.encoder) for i in ids], np.float32)
        inputs = np.array([self.inputs_of(i) for i in ids], np.float32)
        return vectors.reshape(-1, DIMENSION), inputs.reshape(-1, self.width)

    def inputs_of(self, image_id):
        return [float(int(image_id[1:]))] * (self.width - 1) + [float(self.inputs[-1])]


def image(number, category="tees"):
    return (category, f"p{number // 2}", f"i{number}")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


def update(folder, catalog, categories=None, ann_from=10**9, **options):
    return update_index(folder, catalog.source(), categories, ann_from=ann_from, **options)


def assert_right(folder, catalog, images=None):
    """Every image stands in the index once, with its own vector and inputs."""
    index = SearchIndex.open(folder, catalog.encoder)
    rows = index.rows.select(IMAGE).rows()
    assert sorted(rows) == sorted(catalog.images if images is None else images)
    assert index.rows["key"].is_sorted()
    for place, (_, _, image_id) in enumerate(rows):
        assert (index.vectors[place] == vector_of(image_id, catalog.encoder)).all()
        assert index.inputs[place].tolist() == catalog.inputs_of(image_id)
        assert index.nearest(index.vectors[place], 1).places[0, 0] == place
    return index


def test_an_index_finds_the_nearest_images_of_all_or_one_category(folder):
    catalog = Catalog([image(n, "tees" if n < 60 else "bags") for n in range(100)])
    report = update(folder, catalog)
    assert (report.rows, report.added, report.is_new, report.changed) == (100, 100, True, True)
    index = assert_right(folder, catalog)
    query = vector_of("a query")
    everywhere = index.nearest(query, 5)
    assert everywhere.places[0].tolist() == np.argsort(-(index.vectors @ query))[:5].tolist()
    bags = index.nearest(query, 100, "bags")
    assert {index.rows["category"][int(p)] for p in bags.places[0]} == {"bags"}
    assert bags.places.shape == (1, 40), "k may be larger than the index"
    assert index.nearest(query, 3, "cars").places.shape == (1, 0)


def test_an_update_loads_what_is_new_and_drops_what_is_gone(folder):
    catalog = Catalog([image(n) for n in range(20)] + [image(n, "bags") for n in range(50, 60)])
    update(folder, catalog)
    before = dict(SearchIndex.open(folder).rows.select("image_id", "key").iter_rows())
    catalog.loaded.clear()
    catalog.images = [i for i in catalog.images if i[2] not in ("i3", "i55")] + [image(30)]
    report = update(folder, catalog, ["tees"])
    assert (report.added, report.removed, report.rows) == (1, 1, 30)
    assert catalog.loaded == ["i30"], "nothing else is read again"
    index = assert_right(folder, catalog, [*catalog.images, image(55, "bags")])
    after = dict(index.rows.select("image_id", "key").iter_rows())
    assert all(after[i] == key for i, key in before.items() if i != "i3"), "keys are kept"
    report = update(folder, catalog)
    assert (report.added, report.removed) == (0, 1)
    assert_right(folder, catalog)


def test_an_update_of_nothing_new_leaves_the_version(folder):
    catalog = Catalog([image(n) for n in range(10)])
    update(folder, catalog)
    before = SearchIndex.open(folder).version
    catalog.loaded.clear()
    report = update(folder, catalog)
    assert not report.changed
    assert SearchIndex.open(folder).version == before
    assert catalog.loaded == []
    assert update(folder, catalog, rebuild=True).is_new
    assert SearchIndex.open(folder).version != before


def test_an_index_may_be_empty_and_become_so(folder):
    catalog = Catalog([])
    update(folder, catalog)
    assert SearchIndex.open(folder).nearest(vector_of("q"), 5).places.shape == (1, 0)
    catalog.images = [image(1)]
    update(folder, catalog)
    assert_right(folder, catalog)
    catalog.images = []
    assert update(folder, catalog).removed == 1
    assert len(SearchIndex.open(folder)) == 0


def test_another_encoder_is_refused_and_builds_anew_with_all_categories(folder):
    catalog = Catalog([image(n) for n in range(10)] + [image(n, "bags") for n in range(50, 60)])
    update(folder, catalog)
    with pytest.raises(IndexRefused, match=r"by encoder e-1, .* e-2: run `imgassets search index`"):
        SearchIndex.open(folder, "e-2")
    catalog.encoder = "e-2"
    report = update(folder, catalog, ["tees"])
    assert (report.is_new, report.rows) == (True, 20)
    assert_right(folder, catalog)


def test_other_inputs_are_renewed_for_all_and_vectors_stay(folder):
    catalog = Catalog([image(n) for n in range(10)] + [image(n, "bags") for n in range(50, 60)])
    update(folder, catalog)
    catalog.inputs, catalog.width = "i-2", 5
    with pytest.raises(IndexRefused, match=r"attributes i-1, .* i-2: run `imgassets search index`"):
        SearchIndex.open(folder, "e-1", "i-2")
    catalog.images.append(image(70))
    report = update(folder, catalog, ["tees"])
    assert (report.renewed, report.added, report.is_new) == (20, 1, False)
    assert_right(folder, catalog)


def test_a_graph_is_kept_with_the_rows(folder, monkeypatch):
    catalog = Catalog([image(n) for n in range(1200)])
    assert update(folder, catalog, ann_from=500).is_approximate
    index = assert_right(folder, catalog)
    assert index.is_approximate
    catalog.images = catalog.images[100:] + [image(n) for n in range(3000, 3050)]
    built = []
    monkeypatch.setattr(
        AnnIndex, "add", lambda self, keys, vectors, real=AnnIndex.add: (
            built.append(len(keys)), real(self, keys, vectors)
        )
    )  # fmt: skip
    update(folder, catalog, ann_from=500)
    assert built == [50], "the graph is added to"
    index = assert_right(folder, catalog)
    queries = np.array([vector_of(f"q{n}") for n in range(200)])
    right = 0
    for query in queries:
        expected = set(np.argsort(-(index.vectors @ query))[:10].tolist())
        right += len(expected & set(index.nearest(query, 10).places[0].tolist()))
    assert right / 2000 >= 0.99
    catalog.images = catalog.images[600:]
    update(folder, catalog, ann_from=500)
    assert built[-1] == len(catalog.images), "a graph with many holes is built anew"
    assert_right(folder, catalog)
    catalog.images = catalog.images[:100]
    assert not update(folder, catalog, ann_from=500).is_approximate
    assert not assert_right(folder, catalog).is_approximate


def test_images_that_are_gone_hide_no_others(folder, monkeypatch):
    """All that is near to the query has left the index, though not its graph."""
    catalog = Catalog([image(n) for n in range(1000)])
    crowd, real = vector_of("a query"), catalog.load

    def load(rows):
        vectors, inputs = real(rows)
        near = np.array([int(i[1:]) < 150 for i in rows["image_id"]], bool)
        vectors[near] = crowd
        return vectors, inputs

    monkeypatch.setattr(catalog, "load", load)
    update(folder, catalog, ann_from=500)
    catalog.images = catalog.images[150:]
    update(folder, catalog, ann_from=500)
    index = SearchIndex.open(folder)
    assert (index.is_approximate, index.gone, len(index)) == (True, 150, 850)
    found = index.nearest(crowd, 10).places[0]
    assert found.tolist() == np.argsort(-(index.vectors @ crowd))[:10].tolist()


def test_more_neighbours_than_a_graph_is_asked_for_are_compared_exactly(folder):
    catalog = Catalog([image(n) for n in range(600)])
    update(folder, catalog, ann_from=500)
    index = SearchIndex.open(folder)
    query = vector_of("q")
    assert index.nearest(query, 400).places.shape == (1, 400)
    assert index.nearest(query, 10**6).places.shape == (1, 600)


def test_a_graph_is_searched_by_many_threads(folder):
    catalog = Catalog([image(n) for n in range(1500)])
    update(folder, catalog, ann_from=500)
    index = SearchIndex.open(folder)
    queries = [vector_of(f"q{n}") for n in range(300)]
    alone = [index.nearest(query, 10).places.tolist() for query in queries]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda q: index.nearest(q, 10).places.tolist(), queries)) == alone


def test_a_killed_update_leaves_the_old_version(folder, monkeypatch):
    catalog = Catalog([image(n) for n in range(10)])
    update(folder, catalog)
    kept = list(catalog.images)
    for moment in ("load", "os.replace"):
        catalog.images = [*kept, image(99)]
        with monkeypatch.context() as patch:

            def killed(*_):
                raise KeyboardInterrupt

            if moment == "load":
                patch.setattr(catalog, "load", killed)
            else:
                patch.setattr(index_update.os, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                update(folder, catalog)
        assert_right(folder, catalog, kept)
    update(folder, catalog)
    assert_right(folder, catalog)
    assert not list(folder.glob(".new-*"))


def test_a_reader_keeps_what_it_opened_and_old_versions_go(folder):
    catalog = Catalog([image(n) for n in range(800)])
    update(folder, catalog, ann_from=500)
    reader = SearchIndex.open(folder)
    query = vector_of("q")
    before = reader.nearest(query, 10).places.tolist()
    for n in range(4):
        catalog.images.append(image(1000 + n))
        update(folder, catalog, ann_from=500)
    assert not reader.version.exists()
    assert reader.nearest(query, 10).places.tolist() == before
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 3


def test_writers_wait_for_each_other(folder):
    catalogs = [Catalog([image(n) for n in range(200)]) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        reports = list(threads.map(lambda c: update(folder, c), catalogs))
    assert sorted(report.added for report in reports) == [0, 0, 0, 200]
    assert_right(folder, catalogs[0])


@pytest.mark.parametrize(
    "damage",
    [
        lambda version: (version / VECTORS).write_bytes(b"short"),
        lambda version: (version / MANIFEST).write_text("{"),
        lambda version: (version / MANIFEST).write_text(json.dumps({"format": 99})),
        lambda version: (version / "rows.parquet").write_bytes(b"no"),
        lambda version: (version / GRAPH).write_bytes((version / GRAPH).read_bytes()[:5000]),
        lambda version: (version / GRAPH).write_bytes((version / GRAPH).read_bytes()[:-99]),
        lambda version: (version / GRAPH).write_bytes(b"junk" * 100),
        lambda version: np.save(version / INPUTS, np.zeros((3, 3), np.float32)),
        lambda version: shutil.rmtree(version),
    ],
)
def test_a_damaged_index_says_so_and_is_built_anew(folder, damage):
    catalog = Catalog([image(n) for n in range(300)])
    update(folder, catalog, ann_from=100)
    damage(folder / (folder / CURRENT).read_text().strip())
    with pytest.raises(IndexMissing, match=r"run `imgassets search index`"):
        SearchIndex.open(folder)
    assert update(folder, catalog, ann_from=100).is_new
    assert_right(folder, catalog)


def test_no_index_is_said(folder):
    with pytest.raises(IndexMissing, match="no search index yet: run `imgassets search index`"):
        SearchIndex.open(folder)


def test_a_view_of_a_graph_cannot_be_changed(tmp_path):
    graph = AnnIndex(DIMENSION)
    vectors = np.array([vector_of(n) for n in range(5)])
    graph.add(np.arange(5), vectors)
    graph.save(tmp_path / GRAPH)
    assert AnnIndex(DIMENSION).candidates(vectors[0], 3).tolist() == []
    view = AnnIndex.load(tmp_path / GRAPH, DIMENSION, view=True)
    assert sorted(view.candidates(vectors[0], 3).tolist()) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="load it to change it"):
        view.add(np.array([9]), vectors[:1])
    with pytest.raises(ValueError, match="length 7"):
        AnnIndex.load(tmp_path / GRAPH, 7)
