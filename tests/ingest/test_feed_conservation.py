"""Whatever a feed holds, every row ends in exactly one of offers and quarantine."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from imgassets.ingest.feeds import ParsedFeed, read_feed
from imgassets.ingest.readers import COLUMNS

DAY = dt.date(2026, 1, 5)
VALUES = st.one_of(
    st.sampled_from(["", " ", "p1", "p2", "Mens Tees", "a.jpg", "http://h/x.jpg", "/abs", "../x",
                     "1", "0", "true", "maybe", 'say "hi"', "a,b", "two\nlines", "é"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12),
)  # fmt: skip
ROWS = st.lists(st.lists(VALUES, min_size=7, max_size=7), min_size=1, max_size=15)
# Broken lines carry no quotes: an open quote may rightly join the lines after it.
BROKEN = st.sampled_from(["x", "a,b", "1,2,3,4,5,6,7,8,9", "{}"])


def accounted(parsed: ParsedFeed, n_rows: int) -> None:
    numbers = [*parsed.offers["feed_row"], *parsed.quarantine["feed_row"]]
    assert sorted(numbers) == list(range(1, n_rows + 1))
    assert parsed.shares["n_rows"].sum() == n_rows
    # "Same" is decided on the references as given: no key may appear twice in one file.
    assert parsed.offers.select("product_id", "image_url").is_unique().all()


@settings(max_examples=30, deadline=None)
@given(ROWS, st.lists(st.tuples(st.integers(0, 15), BROKEN), max_size=3))
def test_csv_rows_are_conserved(rows, broken):
    lines = []
    for row in rows:
        out = io.StringIO()
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(row)
        lines.append(out.getvalue())
    for place, line in broken:
        lines.insert(place, line + "\n")
    content = ",".join(COLUMNS) + "\n" + "".join(lines)
    accounted(read_feed(content.encode(), "d/a.csv", DAY, "a", "/base"), len(lines))


@settings(max_examples=30, deadline=None)
@given(ROWS, st.lists(st.tuples(st.integers(0, 15), BROKEN), max_size=3))
def test_json_rows_are_conserved(rows, broken):
    lines = [json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in rows]
    for place, line in broken:
        lines.insert(place, line)
    accounted(read_feed("\n".join(lines).encode(), "d/a.jsonl", DAY, "a", "http://h"), len(lines))


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_a_broken_row_changes_no_other(rows):
    """The vectorised pass and the row-by-row pass read the same rows alike."""
    for extension, junk in (("csv", "x\n"), ("jsonl", "x\n")):
        if extension == "csv":
            out = io.StringIO()
            csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([COLUMNS, *rows])
            content = out.getvalue()
        else:
            content = "".join(json.dumps(dict(zip(COLUMNS, r, strict=True))) + "\n" for r in rows)
        good = read_feed(content.encode(), f"d/a.{extension}", DAY, "a", "/base")
        mixed = read_feed((content + junk).encode(), f"d/a.{extension}", DAY, "a", "/base")
        assert mixed.offers.equals(good.offers)
        assert mixed.quarantine.filter(mixed.quarantine["feed_row"] <= len(rows)).equals(
            good.quarantine
        )


def _valid_feeds() -> dict[str, bytes]:
    frame = pl.DataFrame(
        {
            "product_id": ["p1", "p2", "p3"],
            "category": ["Mens Tees", "mens-tees", None],
            "image_url": ["http://h/a.jpg", "b.jpg", "c,d.jpg"],
            "position": [1, 2, None],
            "title": ["A", 'say "hi", é', None],
            "description": [None, "two\nlines", ""],
            "is_curated": [True, False, None],
        }
    )
    frame.write_parquet(parquet := io.BytesIO())
    return {
        "csv": frame.write_csv().encode(),
        "jsonl": frame.write_ndjson().encode(),
        "parquet": parquet.getvalue(),
    }


FEEDS = _valid_feeds()
JUNK = st.one_of(
    st.binary(min_size=1, max_size=6),
    st.sampled_from(
        [b'"', b",", b"\n", b"\r", b"\0", b"\xff\xfe", b"{", b"}", b"\\", b"\xef\xbb\xbf"]
    ),
)


# The same inputs in every run: what is found by chance belongs to benchmarks/fuzz.py.
@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.sampled_from(sorted(FEEDS)),
    st.lists(st.tuples(st.floats(0, 1), JUNK, st.integers(0, 8)), min_size=1, max_size=5),
)
def test_damaged_feeds_are_read_or_refused_whole(extension, damages):
    content = bytearray(FEEDS[extension])
    for place, junk, replaced in damages:
        at = int(place * len(content))
        content[at : at + replaced] = junk
    parsed = read_feed(bytes(content), f"d/a.{extension}", DAY, "a", "/base")
    if parsed.quarantine["feed_row"].to_list() == [None]:
        assert parsed.offers.is_empty()
    else:
        accounted(parsed, parsed.offers.height + parsed.quarantine.height)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["csv", "jsonl", "parquet"]))
def test_no_bytes_make_it_raise(content, extension):
    header = ",".join(COLUMNS).encode() + b"\n" if extension == "csv" else b""
    parsed = read_feed(header + content, f"d/a.{extension}", DAY, "a", "/base")
    assert parsed.offers.height + parsed.quarantine.height > 0
