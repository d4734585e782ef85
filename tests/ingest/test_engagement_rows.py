"""Rows of engagement and interventions: each bad one refused by its rule, the others taken."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgassets.ingest.engagement_rows import read_engagement
from imgassets.ingest.intervention_rows import read_interventions
from imgassets.ingest.judged_rows import REFUSED, JudgedRows
from imgassets.ingest.refusal import Refused
from imgassets.warehouse.contracts import EngagementDaily

TODAY = dt.date(2026, 2, 1)
HEADER = "product_id,category,day,impressions,clicks,add_to_cart,orders"
GOOD = "good,bags,2026-01-01,100,10,3,1"


def read(*lines: str, header: str = HEADER, **more: object) -> JudgedRows:
    content = "\n".join([header, *lines]).encode()
    return read_engagement(content, "csv", today=TODAY, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "rule", "measured", "limit"),
    [
        (",bags,2026-01-01,9,1,1,0", "missing_value", "no value", "a product_id"),
        ("p,,2026-01-01,9,1,1,0", "missing_value", "no value", "a category"),
        ("p,bags,,9,1,1,0", "missing_value", "no value", "a day"),
        ("p,***,2026-01-01,9,1,1,0", "bad_category", "***", "a name of letters"),
        ("p,uncategorised,2026-01-01,9,1,1,0", "bad_category", "uncategorised", "a name"),
        ("p,bags,2026-02-30,9,1,1,0", "unknown_date", "2026-02-30", "2026-01-31"),
        ("p,bags,yesterday,9,1,1,0", "unknown_date", "yesterday", "2026-01-31"),
        ("p,bags,2026-01-01T13:00:00,9,1,1,0", "unknown_date", "T13", "2026-01-31"),
        ("p,bags,2026-02-02,9,1,1,0", "future_day", "2026-02-02", "2026-02-01 or before"),
        ("p,bags,2026-01-01,9,1,1.5,0", "not_a_count", "add_to_cart 1.5", "a whole number"),
        ("p,bags,2026-01-01,many,1,1,0", "not_a_count", "impressions many", "a whole number"),
        ("p,bags,2026-01-01,NaN,1,1,0", "not_a_count", "impressions NaN", "a whole number"),
        ("p,bags,2026-01-01,9,-1,1,0", "negative_count", "clicks -1", "0 or more"),
        ("p,bags,2026-01-01,9,1,1,-inf", "negative_count", "orders -inf", "0 or more"),
        ("p,bags,2026-01-01,1e30,1,1,0", "absurd_count", "impressions 1e30", "1000000000"),
        ("p,bags,2026-01-01,inf,1,1,0", "absurd_count", "impressions inf", "1000000000"),
        ("p,bags,2026-01-01,,,,", "no_counts", "no value", "one of impressions"),
        ("p,bags,2026-01-01,9,10,1,0", "broken_funnel", "10 clicks, 9 impressions", "clicks ≤"),
        ("p,bags,2026-01-01,9,1", "malformed_row", "5 fields", "7 fields"),
    ],
)
def test_a_bad_row_is_refused_by_its_rule_and_the_others_are_taken(
    line: str, rule: str, measured: str, limit: str
) -> None:
    found = read(GOOD, line, GOOD.replace("good", "other"))
    assert found.good["product_id"].to_list() == ["good", "other"]
    (refused,) = found.refused.to_dicts()
    assert refused["rule_id"] == rule
    assert refused["row"] == 2
    assert measured in refused["measured"]
    assert limit in refused["limit"]
    assert refused["detail"]


def test_rows_about_one_product_and_day_agree_or_none_of_them_counts() -> None:
    found = read(GOOD, GOOD, "p,Bags,2026-01-01,9,1,1,0", "p,bags,2026-01-01,9,1,2,0")
    assert found.good.height == 1
    assert found.refused["rule_id"].to_list() == ["contradicting_rows"] * 2
    assert found.refused["measured"][0] == "row 3: 9 1 1 0; row 4: 9 1 2 0"


def test_counts_that_are_not_known_stay_so() -> None:
    found = read("p,bags,2026-01-01,,,3,", header=HEADER)
    assert found.good.row(0, named=True) == {
        "product_id": "p", "day": dt.date(2026, 1, 1), "category": "bags", "impressions": None,
        "clicks": None, "add_to_cart": 3, "orders": None,
    }  # fmt: skip
    alone = read("3,p,T-Shirts,2026-01-01", header="add_to_cart,product_id,Category,day")
    assert alone.good.select("category", "add_to_cart", "orders").rows() == [("t-shirts", 3, None)]


def test_the_funnel_and_the_highest_count_are_settings() -> None:
    line = "p,bags,2026-01-01,9,5,2,3"
    assert read(line).refused.is_empty()
    strict = read(line, funnel=("impressions", "clicks", "add_to_cart", "orders"))
    assert strict.refused["measured"].to_list() == ["3 orders, 2 add_to_cart"]
    assert read(line, funnel=(), max_count=8).refused["rule_id"].to_list() == ["absurd_count"]


def test_all_formats_say_the_same() -> None:
    frame = pl.DataFrame(
        {
            "product_id": ["a", "b", "c"], "category": ["bags"] * 3,
            "day": [dt.date(2026, 1, 1)] * 3, "impressions": [10, 20, 30], "clicks": [1, 2, None],
            "add_to_cart": [1.0, 0.0, float("nan")], "orders": [0, 0, -1],
        }
    )  # fmt: skip
    parquet = io.BytesIO()
    frame.write_parquet(parquet)
    times = io.BytesIO()
    frame.with_columns(pl.col("day").cast(pl.Datetime)).write_parquet(times)
    rows = frame.fill_nan(None).to_dicts()
    lines = "\n".join(json.dumps(row, default=str) for row in rows).encode()
    csv = frame.fill_nan(None).write_csv().encode()
    contents = [("parquet", parquet.getvalue()), ("parquet", times.getvalue()), ("jsonl", lines)]
    contents += [("csv", csv), ("csv", csv.decode().encode("utf-16"))]
    for extension, content in contents:
        found = read_engagement(content, extension, today=TODAY)
        assert found.good["add_to_cart"].to_list() == [1, 0]
        assert found.good.columns == read(GOOD).good.columns
        assert found.refused["measured"].to_list() == ["orders -1"]
        EngagementDaily.conform(found.good.with_columns(feed_file=pl.lit("f")))


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty_file"),
        (b"product_id,category\np,bags\n", "missing_column"),
        (b"\xff\xfe\xff", "unknown_encoding"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(content: bytes, rule: str) -> None:
    with pytest.raises(Refused) as refused:
        read_engagement(content, "csv", today=TODAY)
    assert refused.value.refusal.rule_id == rule


_VALUES = st.sampled_from(["", "0", "7", "-1", "x", "2.0", "1e99"])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", ""]), st.sampled_from(["bags", "", "?"]),
            st.sampled_from(["2026-01-01", "2026-01-02", "x", "2027-01-01"]),
            _VALUES, _VALUES, _VALUES, _VALUES,
        ),
        max_size=12,
    )
)  # fmt: skip
def test_no_row_is_lost(rows: list[tuple[str, ...]]) -> None:
    found = read(GOOD, *(",".join(row) for row in rows))
    said = {tuple(str(value) for value in row) for row in found.good.rows()}
    assert len(said) == found.good.height
    assert found.good.select("product_id", "category", "day").is_unique().all()
    assert found.refused["row"].is_unique().all()
    taken = len(rows) + 1 - found.refused.height
    # Rows that say the same are one.
    assert found.good.height <= taken
    if len(set(rows)) == len(rows) and not any("2.0" in row for row in rows):
        assert found.good.height == taken
    assert found.refused.columns == list(REFUSED)


def test_the_catalog_engagement_is_taken_as_it_stands(shared: Callable[[str], Path]) -> None:
    folder = shared("catalog") / "engagement"
    found = read_engagement(
        (folder / "daily.parquet").read_bytes(), "parquet", today=dt.date(2026, 3, 1)
    )
    assert found.refused.is_empty()
    assert (
        found.good.height
        == pl.scan_parquet(folder / "daily.parquet").select(pl.len()).collect().item()
    )
    live = read_interventions(
        (folder / "products.csv").read_bytes(), "csv", today=dt.date(2026, 3, 1)
    )
    assert live.refused.is_empty()
    treated = pl.read_csv(folder / "products.csv").filter(pl.col("treated"))
    assert live.good.height == treated.height
    assert live.good["day"].unique().to_list() == [dt.date(2026, 1, 10)]


class TestInterventions:
    HEADER = "product_id,category,treated,intervention_date"

    def read(self, *lines: str, header: str = HEADER) -> JudgedRows:
        return read_interventions("\n".join([header, *lines]).encode(), "csv", today=TODAY)

    def test_untreated_products_are_no_interventions(self) -> None:
        found = self.read("a,bags,true,2026-01-10", "b,bags,false,", "c,bags,no,2026-01-10",
                          "d,bags,,2026-01-11", "e,bags,,", "a,Bags,1,2026-01-10")  # fmt: skip
        day = dt.date(2026, 1, 10)
        assert found.good.rows() == [(day, "bags", "a"), (dt.date(2026, 1, 11), "bags", "d")]
        assert found.refused.is_empty()
        bare = self.read(
            "a,bags,2026-01-10", "b,bags,", header="product_id,category,intervention_date"
        )
        assert bare.good.rows() == [(day, "bags", "a")]

    @pytest.mark.parametrize(
        ("line", "rule"),
        [
            ("p,bags,perhaps,2026-01-10", "unknown_value"),
            ("p,bags,true,", "missing_value"),
            ("p,bags,true,10.01.2026", "unknown_date"),
            ("p,bags,true,2026-02-02", "future_day"),
            (",bags,true,2026-01-10", "missing_value"),
            ("p,--,true,2026-01-10", "bad_category"),
            ("p,bags,true", "malformed_row"),
        ],
    )
    def test_a_bad_row_is_refused_and_the_others_are_taken(self, line: str, rule: str) -> None:
        found = self.read("a,bags,true,2026-01-10", line)
        assert found.good["product_id"].to_list() == ["a"]
        assert found.refused.select("row", "rule_id").rows() == [(2, rule)]

    def test_one_product_may_change_twice(self) -> None:
        found = self.read("a,bags,true,2026-01-10", "a,bags,true,2026-01-20")
        assert found.good.height == 2
