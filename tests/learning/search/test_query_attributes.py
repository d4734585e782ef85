from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning.search.data import ITEMS, JUDGEMENTS, QUERIES, Judged
from imgassets.learning.search.query_attributes import UNNAMED, QueryAttributes
from imgassets.learning.search.reading import teach_reader
from imgassets.learning.search.tokens import Vocabulary

VALUES = {"colour": ("navy", "red"), "gender": ("kids", "men", "women"), "kind": ("shirt", "shoe")}


@pytest.fixture(scope="module")
def reader() -> QueryAttributes:
    """Learnt from items that say each value, and from "ladies", which people judged."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(80):
        known = {name: str(rng.choice(of)) for name, of in VALUES.items()}
        title = f"Acme {known['colour']} {known['kind']}"
        rows.append((f"i{number}", f"g{number}", known["kind"], title, title, [
            {"attribute": name, "value": value} for name, value in known.items()
        ]))  # fmt: skip
    items = pl.DataFrame(rows, ITEMS, orient="row")
    has = items.explode("attributes").unnest("attributes").filter(value="women")["item_id"]
    judged = Judged(
        pl.DataFrame({"query_id": ["q"], "query": ["ladies"]}, QUERIES),
        pl.DataFrame({"query_id": "q", "item_id": has, "relevance": 2}, JUDGEMENTS),
    )
    vocabulary = Vocabulary.of(["navy red kids men women shirt shoe ladies", *items["title"]])
    return teach_reader(items, judged, VALUES, vocabulary, seed=0)


@pytest.mark.parametrize(
    ("query", "attribute", "value"),
    [
        ("navy shirt", "colour", "navy"),
        ("navy shirt", "kind", "shirt"),
        ("navy shirt", "gender", UNNAMED),
        ("shoes for women", "gender", "women"),
        ("red shoes ladies", "gender", "women"),
        ("ladies", "colour", UNNAMED),
    ],
)
def test_a_query_names_values(
    reader: QueryAttributes, query: str, attribute: str, value: str
) -> None:
    asked = reader.asked(query)[attribute]
    assert asked.sum() == pytest.approx(1, abs=1e-5)
    assert reader.values[attribute][int(asked.argmax())] == value


def test_images_that_show_what_is_asked_for_match_better(reader: QueryAttributes) -> None:
    shown = {
        "colour": np.array([[0.9, 0.1], [0.1, 0.9]], np.float32),
        "gender": np.full((2, 3), 1 / 3, np.float32),
        "kind": np.full((2, 2), 0.5, np.float32),
    }
    match = reader.match("navy", shown, 2)
    assert match.shape == (2, 7)
    assert match[0, -1] > match[1, -1]


def test_a_saved_reader_reads_the_same(reader: QueryAttributes, tmp_path: Path) -> None:
    reader.save(tmp_path)
    again = QueryAttributes.load(tmp_path)
    before, after = reader.asked("red shoes"), again.asked("red shoes")
    assert all((before[name] == after[name]).all() for name in VALUES)


def test_without_attributes_nothing_is_matched() -> None:
    nothing = QueryAttributes(Vocabulary([]), {}, {})
    assert nothing.match("red", {}, 3).tolist() == [[0.0]] * 3
