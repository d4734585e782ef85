"""BM25 over titles and descriptions."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from imgassets.search.text_index import K1, TITLE_WEIGHT, B, TextIndex
from imgassets.search.words import words

TITLES = ["navy shirt", "white shirt", "navy backpack", "green tea", "shirt"]


@pytest.fixture(scope="module")
def index():
    return TextIndex(([title], []) for title in TITLES)


def found(index, query, k=10, among=None):
    return [match.document for match in index.search(words(query), k, among).best]


def test_what_has_more_of_the_query_comes_first_and_what_has_nothing_not_at_all(index):
    assert found(index, "navy shirt") == [0, 2, 4, 1]
    assert found(index, "bicycle") == []
    assert found(index, "shirts", k=2) == [4, 0]
    assert found(index, "shirt", k=100) == [4, 0, 1]


def test_scores_are_bm25s():
    texts = ["red shirt", "red red hat", "blue coat"]
    index = TextIndex(([], [text]) for text in texts)
    (best, other) = index.search(["red"], 10).best
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    mean = (2 + 3 + 2) / 3
    expected = [idf * tf / (tf + K1 * (1 - B + B * n / mean)) for tf, n in ((2, 3), (1, 2))]
    assert [best.document, other.document] == [1, 0]
    assert [best.score, other.score] == pytest.approx(expected, rel=1e-5)


def test_a_title_counts_more_than_a_description():
    index = TextIndex([([], ["shirt coat"]), (["shirt"], ["coat"]), (["coat"], ["shirt"])])
    assert found(index, "shirt")[0] == 1
    assert found(index, "coat")[0] == 2
    assert TITLE_WEIGHT > 1


def test_a_product_of_many_suppliers_is_not_found_before_others():
    index = TextIndex([(["navy shirt"] * 4, ["plain"] * 4), (["navy shirt"], ["plain"])])
    one, other = index.search(["navy"], 2).best
    assert (one.document, other.document) == (0, 1)
    assert one.score == other.score


def test_matched_words_are_those_of_the_query(index):
    result = index.search(words("SHIRTS of navy bicycle navy"), 10)
    assert result.best[0].matched == ["shirts", "navy"]
    assert result.best[-1].matched == ["shirts"]
    assert result.unknown == ["bicycle"]


def test_coverage_is_the_part_of_the_query_that_the_best_has(index):
    def coverage(query):
        return index.search(words(query), 1).coverage

    assert coverage("navy shirt") == pytest.approx(1)
    assert coverage("bicycle") == 0
    assert 0 < coverage("shirt bicycle") < 1 / 3  # every second product is a shirt
    assert coverage("tea bicycle") > coverage("shirt bicycle")


def test_stop_words_count_only_where_there_is_nothing_else():
    index = TextIndex([(["the shirt of the year"], []), (["a coat"], [])])
    assert found(index, "the coat") == [1]
    assert index.search(["the", "coat"], 1).coverage == pytest.approx(1)
    assert found(index, "of the") == [0]


def test_only_documents_among_those_asked_for_are_found(index):
    among = np.array([False, True, False, True, True])
    assert found(index, "navy shirt", among=among) == [4, 1]
    assert found(index, "backpack", among=among) == []


def test_equal_scores_stay_in_order():
    index = TextIndex((["same words"], []) for _ in range(50))
    assert found(index, "words", k=50) == [*range(50)]


def test_an_index_of_nothing_finds_nothing():
    for documents in ([], [([], [])], [(["!"], ["—"])]):
        index = TextIndex(documents)
        assert len(index) == len(documents)
        result = index.search(["shirt"], 5)
        assert (result.best, result.unknown, result.coverage) == ([], ["shirt"], 0.0)


def test_half_of_a_word_without_spaces_is_no_match():
    index = TextIndex([(["男子运动鞋"], []), (["运动衣"], [])])
    assert found(index, "运动鞋") == [0]
    assert sorted(found(index, "运动")) == [0, 1]
    assert found(index, "鞋") == [0]


def test_threads_get_the_same_answers(index):
    queries = ["navy shirt", "white", "tea shirt", "backpack navy"] * 25
    alone = [index.search(words(query), 5) for query in queries]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda q: index.search(words(q), 5), queries)) == alone
