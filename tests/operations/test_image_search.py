"""Searching by words and images: every method, what it says, and when it goes without images."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from imgassets.learning.search.champion import SearchChampion
from imgassets.operations import image_search
from imgassets.operations.image_search import HELD_SECONDS, METHODS, MOST, ImageSearch
from imgassets.operations.product_search import MAX_QUERY
from imgassets.operations.search_index import refresh_index
from imgassets.warehouse.lake import Warehouse
from tests.searched_images import Model, Shown, id_of, settings_of, write_catalog

TITLES = {
    "p1": "Red shirt", "p2": "Weekend classic", "p3": "Navy striped shirt", "b1": "Navy bag",
    "w1": "Unicorn shirt",
}  # fmt: skip
IMAGES = [
    Shown("p1", "p1-front", "red shirt plain", 0.9), Shown("p1", "p1-back", "shirt plain", 0.5),
    Shown("p2", "p2-small", "red shirt", 0.2), Shown("p2", "p2-large", "red shirt plain", 1.0),
    Shown("p3", "p3-front", "navy shirt striped", 0.8),
    Shown("b1", "b1-front", "navy bag", 0.7, "bags"),
]  # fmt: skip


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A warehouse, and settings whose home has an index of it."""
    home = tmp_path_factory.mktemp("home")
    warehouse = Warehouse(f"ducklake:sqlite:{home}/c.sqlite", f"{home}/data/")
    write_catalog(warehouse, TITLES, IMAGES)
    settings = settings_of(home)
    refresh_index(warehouse, settings, Model().champion)
    return warehouse, settings


@pytest.fixture
def champion(monkeypatch):
    """What the registry answers; a test may put another one into it."""
    answers = [Model().champion]
    monkeypatch.setattr(image_search, "load_search_model", lambda *_: answers[-1])
    return answers


@pytest.fixture
def search(built, champion):
    warehouse, settings = built
    return ImageSearch(settings, warehouse, None).search


def ids(result):
    return [hit.product_id for hit in result.hits]


def test_each_method_finds_in_its_own_way(search):
    assert ids(search("red shirt", method="words")) == ["p1", "w1", "p3"]
    likeness = search("red shirt", method="images")
    assert ids(likeness)[0] == "p2"
    assert likeness.hits[0].image_id == id_of("p2-small"), "the nearest image of a product counts"
    assert likeness.hits[0].score == pytest.approx(1)
    reranked = search("red shirt", method="reranked")
    assert reranked.hits[0].image_id == id_of("p2-large")
    assert 0 <= reranked.hits[0].score <= 1
    assert ids(reranked)[:2] == ["p2", "p1"]
    fused = search("red shirt")
    assert (fused.method, ids(fused)[0]) == ("fused", "p1"), "good by words and by image"
    assert (fused.hits[0].word_rank, fused.hits[0].image_rank) == (1, 2)
    assert fused.hits[0].matched == ["red", "shirt"]
    assert set(ids(fused)) == {"p1", "p2", "p3", "w1", "b1"}
    by_id = {hit.product_id: hit for hit in fused.hits}
    assert (by_id["p2"].word_rank, by_id["p2"].title) == (None, "Weekend classic")
    assert (by_id["w1"].image_rank, by_id["w1"].image_id) == (None, None)
    for method in METHODS:
        assert search("red shirt", method=method).method == method


def test_a_category_narrows_every_method(search):
    for method in METHODS:
        assert ids(search("navy", category="bags", method=method)) == ["b1"]
    assert ids(search("unicorn shirt", category="unseen")) == ["w1"]
    unseen = search("red shirt", category="unseen", method="reranked")
    assert (unseen.hits, unseen.is_low) == ([], True)
    assert unseen.note == "The search index holds no image of this category."


def test_k_may_be_larger_than_the_index_and_one(search, champion):
    for method in METHODS:
        assert len(search("shirt", k=10**6, method=method).hits) <= 5
        assert len(search("shirt", k=1, method=method).hits) == 1
    assert len(search("shirt", k=MOST + 5, method="images").hits) == 4


def test_more_images_are_looked_at_until_there_are_enough_products(built, champion):
    warehouse, settings = built
    search = ImageSearch(settings_of(settings.home, depth=2), warehouse, None).search
    assert sorted(ids(search("red shirt", k=4, method="images"))) == ["b1", "p1", "p2", "p3"]
    assert champion[-1].model.asked == [6]


@pytest.mark.parametrize("method", [None, *METHODS])
@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        ("", {}, "no words"),
        ("—!?", {}, "no words"),
        ("x" * 10_000, {}, "at most 1,000 characters, and this one 10,000"),
        ("shirt", {"k": 0}, "at least 1"),
        ("shirt", {"category": "cars"}, "no product is of the category 'cars'"),
    ],
)
def test_what_cannot_be_searched_is_said(search, method, query, options, says):
    with pytest.raises(ValueError, match=says):
        search(query, method=method, **options)


def test_an_unknown_method_is_refused(search):
    with pytest.raises(ValueError, match=r"one of words, images, reranked, fused \(got 'magic'\)"):
        search("shirt", method="magic")


def test_a_long_or_hostile_query_is_answered(search):
    for query in ("shirt " * (MAX_QUERY // 6), "red'; DROP TABLE x; --", "shirt \x00\ud800"):
        for method in METHODS:
            search(query, method=method)


def test_words_that_the_model_does_not_know_leave_words_alone(search):
    result = search("Unicorn")
    assert (ids(result), result.is_low, result.note) == (["w1"], False, "")
    assert result.hits[0].image_rank is None
    other = search("кроссовки", method="reranked")
    assert (other.hits, other.is_low) == ([], True)
    assert other.note == "The search model knows none of these words."
    nothing = search("кроссовки")
    assert (nothing.hits, nothing.is_low) == ([], True)
    assert nothing.note == "No product has any of these words."


def test_what_only_images_show_is_found_without_bad_words(search):
    result = search("plain red classy item shirt")
    assert ids(result)[0] == "p2"
    assert not result.is_low
    assert result.note == "The search model does not know 'classy', 'item'."


def test_low_scores_are_said_to_be_low(search):
    low = search("green shoe", method="images")
    assert low.is_low
    assert low.note == "No image shows this well."
    assert search("green shoe").is_low
    assert search("shoe coffee table in a mountain hut shirt").is_low
    fine = search("navy bag", method="reranked")
    assert (fine.is_low, fine.note) == (False, "")
    partly = search("navy bag unicorn", method="reranked")
    assert partly.note == "The search model does not know 'unicorn'."


def test_without_an_index_words_are_searched_and_the_remedy_is_named(built, champion, tmp_path):
    warehouse, _ = built
    search = ImageSearch(settings_of(tmp_path), warehouse, None).search
    result = search("red shirt")
    assert (result.method, ids(result)) == ("words", ["p1", "w1", "p3"])
    assert result.note == (
        "Only words were searched, not images: there is no search index yet: "
        "run `imgassets search index`."
    )
    for method in ("images", "reranked", "fused"):
        with pytest.raises(ValueError, match="run `imgassets search index`"):
            search("red shirt", method=method)
    assert search("red shirt", method="words").note == ""


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (SearchChampion(notes=("a note",)), "no search model yet: run `imgassets train search`"),
        (Model(encoder_version="dual-2").champion, "built by encoder dual-1, .* dual-2: run"),
        (Model(inputs_version="inputs-2").champion, "attributes inputs-1, .* inputs-2: run"),
    ],
)
def test_an_index_of_another_model_is_refused_with_the_remedy(built, champion, answer, says):
    warehouse, settings = built
    champion.append(answer)
    search = ImageSearch(settings, warehouse, None).search
    with pytest.raises(ValueError, match=says):
        search("red shirt", method="reranked")
    result = search("red shirt")
    assert result.method == "words"
    assert "`imgassets" in result.note


def test_a_new_champion_waits_for_its_index_and_the_old_pair_goes_on(built, champion, tmp_path):
    warehouse, _ = built
    settings, clock = settings_of(tmp_path), Clock()
    searching = ImageSearch(settings, warehouse, None, clock)
    assert searching.search("red shirt").method == "words"
    refresh_index(warehouse, settings, champion[-1])
    assert searching.search("red shirt").method == "fused", "a new index answers at once"
    other = Model(encoder_version="dual-2")
    champion.append(other.champion)
    clock.now += 2 * HELD_SECONDS
    assert searching.search("red shirt").method == "fused"
    assert other.asked == []
    write_catalog(warehouse, TITLES, [replace(image, encoder="dual-2") for image in IMAGES])
    refresh_index(warehouse, settings, other.champion)
    write_catalog(warehouse, TITLES, IMAGES)
    assert searching.search("red shirt").method == "fused"
    assert other.asked, "the new model answers from its own index"


def test_threads_get_the_same_answers(search):
    queries = ["red shirt", "navy bag", "striped", "unicorn shirt"] * 10
    alone = [search(query) for query in queries]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(search, queries)) == alone
