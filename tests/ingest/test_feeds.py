"""Reading feeds: what is kept, what is refused and why."""

from __future__ import annotations

import datetime as dt
import io
import json

import polars as pl
import pytest

from imgassets.ingest.feeds import ParsedFeed, read_feed
from imgassets.ingest.landing import list_feeds

DAY = dt.date(2026, 1, 5)
HEADER = "product_id,category,title,description,image_url,position,is_curated"
GOOD = "p1,Mens Tees,A tee,Soft,images/a.jpg,2,true"


def read(content: str | bytes, extension: str = "csv", base: str = "/base") -> ParsedFeed:
    data = content.encode() if isinstance(content, str) else content
    return read_feed(data, f"2026-01-05/acme.{extension}", DAY, "acme", base)


def read_rows(*rows: str, base: str = "/base") -> ParsedFeed:
    return read("\n".join([HEADER, *rows]), base=base)


def refusals(parsed: ParsedFeed) -> list[tuple[int | None, str]]:
    return parsed.quarantine.select("feed_row", "rule_id").rows()


def test_a_csv_row_becomes_an_offer():
    parsed = read_rows(GOOD)
    assert parsed.offers.row(0, named=True) == {
        "day": DAY, "category": "mens-tees", "product_id": "p1", "supplier_id": "acme",
        "image_url": "images/a.jpg", "image_location": "/base/images/a.jpg", "position": 2,
        "title": "A tee", "description": "Soft", "is_curated": True,
        "feed_file": "2026-01-05/acme.csv", "feed_row": 1,
    }  # fmt: skip
    assert parsed.quarantine.is_empty()
    assert parsed.shares.select("category", "n_rows").rows() == [("mens-tees", 1)]


def test_three_formats_say_the_same():
    frame = pl.DataFrame(
        {
            "product_id": ["p1", "p1", "p2"],
            "category": ["Mens Tees", "Mens Tees", "A category never seen!"],
            "title": ['Tee, "blue"', None, "x\ny"],
            "description": ["é", "", None],
            "image_url": ["a.jpg", "b.jpg", "http://h/c.jpg"],
            "position": [1, 2, None],
            "is_curated": [True, None, False],
            "colour": ["red", None, "green"],
        }
    )
    parquet = io.BytesIO()
    frame.write_parquet(parquet)
    parsed = [
        read(frame.write_csv()),
        read(frame.write_ndjson(), "jsonl"),
        read(parquet.getvalue(), "parquet"),
    ]
    offers = [p.offers.drop("feed_file") for p in parsed]
    assert offers[0]["category"].unique().sort().to_list() == ["a-category-never-seen", "mens-tees"]
    assert offers[0]["title"].to_list() == ['Tee, "blue"', None, "x\ny"]
    assert offers[0].equals(offers[1])
    assert offers[0].equals(offers[2])
    assert parsed[0].shares.equals(parsed[1].shares)
    assert parsed[0].shares.equals(parsed[2].shares)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding, newline):
    text = newline.join([HEADER, "p1,Décor,é,,a.jpg,1,no", ""])
    parsed = read(text.encode(encoding))
    assert parsed.offers.select("category", "title").row(0) == ("decor", "é")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_unknown_encodings(encoding):
    parsed = read(f"{HEADER}\np1,tees,caf\u00e9,,a.jpg,1,no\n".encode(encoding))
    assert refusals(parsed) == [(None, "unknown_encoding")]
    assert parsed.shares.select("category", "n_rows").rows() == [("uncategorised", 0)]


@pytest.mark.parametrize(
    ("content", "extension", "rule"),
    [
        (b"", "csv", "empty_file"),
        (b" \n\n", "jsonl", "empty_file"),
        (b"\xef\xbb\xbf\n", "csv", "empty_file"),
        (b"", "parquet", "empty_file"),
        (HEADER.encode(), "csv", "empty_file"),
        (b"PAR1 not really", "parquet", "unreadable_file"),
        (b"<html>\n<body>", "jsonl", "unreadable_file"),
        (b'["a"]\n1\nnull', "jsonl", "unreadable_file"),
        (b'"never closed\nx,y', "csv", "unreadable_file"),
        (b"product_id,image_url\np1,a.jpg", "csv", "missing_column"),
        (b"product_id;category;image_url\np1;tees;a.jpg", "csv", "missing_column"),
        (b'{"product_id": "p1", "category": "tees"}', "jsonl", "missing_column"),
        (b'{"product_id": "p1", "category": "tees"}\n[1]', "jsonl", "missing_column"),
    ],
)
def test_files_that_cannot_be_read(content, extension, rule):
    parsed = read(content, extension)
    assert refusals(parsed) == [(None, rule)]
    row = parsed.quarantine.row(0, named=True)
    assert row["category"] == "uncategorised"
    assert row["supplier_id"] == "acme"
    assert row["measured"]
    assert row["limit"]
    assert row["detail"]


def test_a_missing_column_is_named():
    row = read(b"id,Category\n1,tees").quarantine.row(0, named=True)
    assert row["measured"] == "columns id, Category"
    assert "product_id, image_url" in row["detail"]


def test_columns_in_any_order_case_and_spacing_with_defaults():
    header = " IMAGE_URL , colour,Category,Product_ID"
    parsed = read(f"{header}\na.jpg,red,tees, p1 \nb.jpg,x,tees,p1\n")
    columns = ["product_id", "image_url", "position", "is_curated", "title"]
    assert parsed.offers.select(columns).rows() == [
        ("p1", "a.jpg", 1, False, None),
        ("p1", "b.jpg", 2, False, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "rule", "measured", "category"),
    [
        (",tees,,,a.jpg,1,no", "missing_value", "no value", "tees"),
        ("p1,tees,,, ,1,no", "missing_value", "no value", "tees"),
        ("p1,,,,a.jpg,1,no", "missing_category", "no value", "uncategorised"),
        ("p1,!!!,,,a.jpg,1,no", "bad_category", "!!!", "uncategorised"),
        ("p1,Uncategorised,,,a.jpg,1,no", "bad_category", "Uncategorised", "uncategorised"),
        ("p1,tees,,,a.jpg,first,no", "wrong_type", "first", "tees"),
        ("p1,tees,,,a.jpg,0,no", "wrong_type", "0", "tees"),
        ("p1,tees,,,a.jpg,-1,no", "wrong_type", "-1", "tees"),
        ("p1,tees,,,a.jpg,1.5,no", "wrong_type", "1.5", "tees"),
        ("p1,tees,,,a.jpg,99999999999999999999,no", "wrong_type", "9" * 20, "tees"),
        ("p1,tees,,,a.jpg,1,maybe", "wrong_type", "maybe", "tees"),
        ("p1,tees,,,ftp://h/a.jpg,1,no", "bad_image_url", "ftp://h/a.jpg", "tees"),
        ("p1,tees,,,/etc/passwd,1,no", "bad_image_url", "/etc/passwd", "tees"),
        ("p1,tees,,,x/../../a.jpg,1,no", "bad_image_url", "x/../../a.jpg", "tees"),
        ("p1,tees,,,a\tb.jpg,1,no", "bad_image_url", "a\tb.jpg", "tees"),
        ("p1,tees,a.jpg", "malformed_row", "3 fields", "uncategorised"),
        ("p1,tees,,,a.jpg,1,no,more", "malformed_row", "8 fields", "uncategorised"),
        ('p1,tees,"x"y,,a.jpg,1,no', "malformed_row", "broken quoting", "uncategorised"),
        ('p1,tees,"x,,a.jpg,1,no', "malformed_row", "broken quoting", "uncategorised"),
        ("p\x00,tees,,,a.jpg,1,no", "malformed_row", "p\x00", "tees"),
    ],
)
def test_a_bad_row_is_refused_alone(row, rule, measured, category):
    parsed = read_rows(GOOD, row, "p9,tees,,,z.jpg,,")
    assert refusals(parsed) == [(2, rule)]
    assert parsed.quarantine.select("measured", "category").row(0) == (measured, category)
    assert parsed.offers["feed_row"].to_list() == [1, 3]


def test_a_quote_never_closed_costs_one_row():
    rows = [f'p{i},tees,"{i}, x",,{i}.jpg,1,no' for i in range(20)]
    rows[7] = 'p7,tees,"7, x,,7.jpg,1,no'
    parsed = read_rows(*rows)
    assert refusals(parsed) == [(8, "malformed_row")]
    assert parsed.offers.height == 19


def test_measured_is_truncated():
    parsed = read_rows(f"p1,tees,,,ftp://{'x' * 999},1,no")
    assert len(parsed.quarantine["measured"][0]) == 200


def test_duplicates_keep_the_first_usable_row():
    parsed = read_rows(
        "p1,tees,,,a.jpg,zero,no", "p1,tees,,,a.jpg,1,no", "p1,hats,,,a.jpg,2,no",
        "p2,tees,,,a.jpg,1,no",
    )  # fmt: skip
    assert refusals(parsed) == [(1, "wrong_type"), (3, "duplicate_row")]
    assert parsed.quarantine["measured"].to_list() == ["zero", "same as row 2"]
    assert parsed.offers["feed_row"].to_list() == [2, 4]


def test_json_lines_of_all_kinds():
    row = {"product_id": 7, "category": "Tees", "image_url": "a.jpg", "position": 3.0}
    lines = [
        json.dumps(row),
        "[1, 2]",
        "{broken",
        json.dumps(row | {"image_url": ["a.jpg"]}),
        "",
        '{"product_id": "p", "category": "tees", "image_url": "\\ud800.jpg"}',
        json.dumps({"PRODUCT_ID": "p2", "category": "tees", "image_url": "b.jpg"}),
        json.dumps({"product_id": "p3", "category": "tees"}),
        "[" * 100_000,
    ]
    parsed = read("\n".join(lines), "jsonl")
    assert parsed.offers.select("product_id", "position", "feed_row").rows() == [
        ("7", 3, 1),
        ("p2", 1, 6),
    ]
    assert refusals(parsed) == [
        (2, "malformed_row"),
        (3, "malformed_row"),
        (4, "wrong_type"),
        (5, "malformed_row"),
        (7, "missing_value"),
        (8, "malformed_row"),
    ]


def test_parquet_types():
    frame = pl.DataFrame(
        {
            "product_id": [1.0, 2.0, None],
            "category": pl.Series(["tees", "tees", "tees"], dtype=pl.Categorical),
            "image_url": [b"a.jpg", b"\xff", b"c.jpg"],
            "title": [["x"], None, None],
            "position": [1.0, float("nan"), 2.5],
        }
    )
    out = io.BytesIO()
    frame.write_parquet(out)
    parsed = read(out.getvalue(), "parquet")
    assert refusals(parsed) == [(1, "wrong_type"), (2, "wrong_type"), (3, "missing_value")]
    out = io.BytesIO()
    frame.drop("title").write_parquet(out)
    assert read(out.getvalue(), "parquet").offers["product_id"].to_list() == ["1"]


def test_shares_change_with_their_own_rows_only():
    def hashes(*rows: str, base: str = "/base") -> dict[str, str]:
        shares = read_rows(*rows, base=base).shares
        return dict(shares.select("category", "content_hash").iter_rows())

    rows = [GOOD, "p2,hats,,,b.jpg,1,no", "p3,hats,,,c.jpg,bad,no"]
    before = hashes(*rows)
    after = hashes(*rows, "p4,hats,,,d.jpg,1,no", "too,short")
    assert before["mens-tees"] == after["mens-tees"]
    assert before["hats"] != after["hats"]
    assert hashes(*rows[:2], rows[2].replace("bad", "worse"))["hats"] != before["hats"]
    assert hashes(*rows, base="/elsewhere")["hats"] != before["hats"]
    assert hashes(*rows, base="/base/") == before


def test_the_catalog_has_no_bad_row(shared):
    catalog = shared("catalog")
    parsed = [
        read_feed((catalog / "feeds" / f.feed_file).read_bytes(), f.feed_file, f.day,
                  f.supplier_id, str(catalog))
        for f in list_feeds(f"{catalog}/feeds").feeds
    ]  # fmt: skip
    assert sum(p.offers.height for p in parsed) == 1113
    assert sum(p.quarantine.height for p in parsed) == 0
