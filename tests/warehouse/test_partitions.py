import datetime as dt
import itertools

import duckdb
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from imgassets.warehouse.partitions import Partition, partition_predicate, quote

DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(4)]
CELLS = [Partition(d, c) for d, c in itertools.product(DAYS, ["a", "b", "c'd"])]


@given(st.sets(st.sampled_from(CELLS)))
def test_the_predicate_selects_exactly_the_partitions(chosen: set[Partition]) -> None:
    cells = pl.DataFrame(CELLS, schema=["day", "category"], orient="row").to_arrow()
    connection = duckdb.connect()
    connection.register("cells", cells)
    query = f"SELECT day, category FROM cells WHERE {partition_predicate(chosen)}"
    assert {Partition(*row) for row in connection.execute(query).fetchall()} == chosen


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoted_text_comes_back(text: str) -> None:
    row = duckdb.connect().execute(f"SELECT {quote(text)}").fetchone()
    assert row == (text,)
