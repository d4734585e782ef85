from __future__ import annotations

import polars as pl

from imgassets.learning.search.data import ITEMS
from imgassets.learning.search.questions import EXACT, NEAR, make_queries


def rows(*items: tuple[str, str, str, dict[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "item_id": item, "group_id": group, "category": "shirts", "title": title,
                "text": title,
                "attributes": [{"attribute": a, "value": v} for a, v in known.items()],
            }
            for item, group, title, known in items
        ],
        ITEMS,
    )  # fmt: skip


def answers(found, query: str) -> dict[str, int]:
    (query_id,) = found.queries.filter(query=query)["query_id"]
    of = found.judgements.filter(query_id=query_id)
    return dict(of.select("item_id", "relevance").iter_rows())


def test_a_title_asks_for_its_images_and_nearly_for_its_styles_others() -> None:
    found = make_queries(
        rows(
            ("front", "polo", "Polo, red", {}),
            ("back", "polo", "Polo, red", {}),
            ("blue", "polo", "Polo, blue", {}),
            ("tee", "tee", "Tee", {}),
            ("silent", "tee", "", {}),
        ),
        n=10,
        seed=0,
    )
    assert set(found.queries["query"]) == {"Polo, red", "Polo, blue", "Tee"}
    assert answers(found, "Polo, red") == {"front": EXACT, "back": EXACT, "blue": NEAR}
    assert answers(found, "Tee") == {"tee": EXACT, "silent": NEAR}


def test_a_phrase_asks_for_all_that_has_its_values() -> None:
    known = {"category": "shirts", "colour": "navy", "pattern": "striped"}
    items = rows(
        ("all", "a", "", known),
        ("other colour", "b", "", {**known, "colour": "red"}),
        ("other category", "c", "", {**known, "category": "caps"}),
        ("colour alone", "d", "", {"category": "shirts", "colour": "navy"}),
        ("nothing", "e", "", {}),
    )
    found = [make_queries(items, n=2, seed=seed) for seed in range(40)]
    whole = next(
        one for one in found for query in one.queries["query"]
        if set(query.split()) == {"shirts", "navy", "striped"}
    )  # fmt: skip
    (query,) = (q for q in whole.queries["query"] if len(q.split()) == 3)
    assert answers(whole, query) == {"all": EXACT, "other colour": NEAR, "colour alone": NEAR}
    for one in found:
        for query in one.queries["query"]:
            exact = {item for item, grade in answers(one, query).items() if grade == EXACT}
            assert exact
            assert "nothing" not in exact


def test_queries_are_few_distinct_and_the_same_for_the_same_seed() -> None:
    items = rows(*((f"{i}", f"{i}", f"title {i}", {"colour": f"c{i % 3}"}) for i in range(50)))
    found = make_queries(items, n=10, seed=1)
    assert found.queries.height == 8  # five titles and three colours
    assert found.queries["query"].is_unique().all()
    assert make_queries(items, n=10, seed=1).queries.equals(found.queries)
    assert not make_queries(items, n=10, seed=2).queries.equals(found.queries)


def test_nothing_known_asks_nothing() -> None:
    found = make_queries(rows(("a", "a", "", {})), n=10, seed=0)
    assert found.queries.is_empty()
    assert found.judgements.is_empty()
