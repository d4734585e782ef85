"""Keeping the index of product images up to date with the warehouse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imgassets.learning.search.champion import SearchChampion
from imgassets.operations.search_index import (
    images_out_of_step,
    index_folder,
    plan_index,
    refresh_index,
)
from imgassets.search.index import SearchIndex
from imgassets.search.index_update import IMAGE
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition
from tests.searched_images import (
    MONDAY,
    TUESDAY,
    Model,
    Shown,
    id_of,
    settings_of,
    vector_of,
    write_catalog,
)

IMAGES = [
    Shown("p1", "a", "red shirt"), Shown("p1", "b", "red"), Shown("p2", "b", "red"),
    Shown("b1", "c", "navy bag", 0.9, "bags"),
]  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    return Warehouse(f"ducklake:sqlite:{folder}/c.sqlite", f"{folder}/data/")


@pytest.fixture
def settings(tmp_path):
    return settings_of(tmp_path)


def held(settings):
    index = SearchIndex.open(index_folder(settings))
    return sorted(index.rows.select(IMAGE).rows())


def expected(images):
    return sorted((i.category, i.product, id_of(i.name)) for i in images)


def test_the_newest_sets_are_put_in_with_their_vectors_and_inputs(warehouse, settings):
    write_catalog(warehouse, {}, [*IMAGES, Shown("p1", "a", "red shirt", day=TUESDAY)])
    found = refresh_index(warehouse, settings, Model().champion)
    now = [IMAGES[0], *IMAGES[2:]]
    assert held(settings) == expected(now), "an image that left the newest set is not there"
    assert (found.index.added, found.waiting, found.recall) == (3, 0, None)
    index = SearchIndex.open(index_folder(settings))
    by_id = {id_of(image.name): image for image in IMAGES}
    for place, image_id in enumerate(index.rows["image_id"]):
        image = by_id[image_id]
        assert index.vectors[place] == pytest.approx(vector_of(image.words.split()))
        assert index.inputs[place].tolist() == pytest.approx([image.share, 0])


def test_only_the_categories_asked_for_are_looked_at(warehouse, settings):
    write_catalog(warehouse, {}, IMAGES)
    champion = Model().champion
    refresh_index(warehouse, settings, champion)
    later = [*IMAGES[1:], Shown("p3", "d", "green shirt"), Shown("b2", "e", "bag", 0.5, "bags")]
    write_catalog(warehouse, {}, later)
    assert images_out_of_step(warehouse, settings, champion) == (2, 1)
    assert images_out_of_step(warehouse, settings, champion, ["bags"]) == (1, 0)
    found = refresh_index(warehouse, settings, champion, ["tees"]).index
    assert (found.added, found.removed) == (1, 1)
    assert held(settings) == expected(later[:-1])
    assert images_out_of_step(warehouse, settings, champion, ["tees"]) == (0, 0)
    assert refresh_index(warehouse, settings, champion, []).index.changed is False
    refresh_index(warehouse, settings, champion)
    assert held(settings) == expected(later)


def test_images_of_another_encoder_wait_and_their_partitions_are_planned(warehouse, settings):
    waiting = [Shown("p4", "f", "green", encoder="old"), Shown("p5", "g", "red", encoder="")]
    write_catalog(warehouse, {}, [*IMAGES, *waiting])
    champion = Model().champion
    found = refresh_index(warehouse, settings, champion)
    assert (found.index.rows, found.waiting) == (4, 2)
    plan = plan_index(warehouse, champion)
    assert plan.rows == {Partition(MONDAY, "tees"): 2}
    assert plan.n_fresh == 1
    assert not plan_index(warehouse, champion, categories=["bags"]).rows
    assert not plan_index(warehouse, champion, first=TUESDAY).rows
    with pytest.raises(ValueError, match=r"no image set of category cars \(known: bags, tees\)"):
        plan_index(warehouse, champion, categories=["cars"])


def test_another_encoder_builds_it_anew_of_what_it_has_embedded(warehouse, settings):
    write_catalog(warehouse, {}, IMAGES)
    refresh_index(warehouse, settings, Model().champion)
    other = Model(encoder_version="dual-2").champion
    found = refresh_index(warehouse, settings, other, ["tees"])
    assert (found.index.is_new, found.index.rows, found.waiting) == (True, 0, 2)
    write_catalog(warehouse, {}, [replace(i, encoder="dual-2") for i in IMAGES])
    assert refresh_index(warehouse, settings, other, ["tees"]).index.rows == 3
    assert refresh_index(warehouse, settings, other).index.rows == 4


def test_other_heads_renew_what_the_re_ranker_reads(warehouse, settings):
    write_catalog(warehouse, {}, IMAGES)
    refresh_index(warehouse, settings, Model().champion)
    found = refresh_index(warehouse, settings, Model(inputs_version="inputs-2").champion, ["tees"])
    assert (found.index.renewed, found.index.added, found.index.is_new) == (4, 0, False)


def test_recall_of_a_graph_is_measured_by_titles(warehouse, tmp_path):
    shown = [Shown(f"p{n}", f"n{n}", "red shirt" if n % 2 else "navy bag") for n in range(40)]
    titles = {f"p{n}": f"red bag {n}" for n in range(40)}
    write_catalog(warehouse, titles, shown)
    settings = settings_of(tmp_path, ann_from=10)
    found = refresh_index(warehouse, settings, Model().champion)
    assert found.index.is_approximate
    assert found.recall == 1.0


def test_without_a_model_or_sets_the_remedy_is_named(warehouse, settings):
    nothing = SearchChampion(notes=("the registry is down",))
    with pytest.raises(ValueError, match=r"`imgassets train search`; the registry is down"):
        refresh_index(warehouse, settings, nothing)
    with pytest.raises(ValueError, match="no search model yet"):
        plan_index(warehouse, nothing)
    write_catalog(warehouse, {}, [])
    with pytest.raises(ValueError, match="no image set yet: run `imgassets backfill`"):
        plan_index(warehouse, Model().champion)
    assert refresh_index(warehouse, settings, Model().champion).index.rows == 0
