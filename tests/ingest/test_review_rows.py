"""Rows of review photos: each bad one refused by its rule, the others taken."""

from __future__ import annotations

import datetime as dt
import io
import json

import polars as pl
import pytest

from imgassets.ingest.judged_rows import REFUSED, JudgedRows
from imgassets.ingest.refusal import Refused
from imgassets.ingest.review_rows import read_review_rows, review_hash, review_mark

TODAY = dt.date(2026, 2, 1)
HEADER = "review_id,product_id,category,image_url,style,submitted_at,helpful_votes,impressions"
GOOD = "good,p,bags,a.jpg,s,2026-01-05T10:00:00,3,10"


def read(*lines: str, header: str = HEADER, forgotten: tuple[str, ...] = ()) -> JudgedRows:
    content = "\n".join([header, *lines]).encode()
    return read_review_rows(content, "csv", image_base="/shop", today=TODAY, forgotten=forgotten)


@pytest.mark.parametrize(
    ("line", "rule", "measured", "limit"),
    [
        (",p,bags,a.jpg,,,1,2", "missing_value", "no value", "a review_id"),
        ("r,,bags,a.jpg,,,1,2", "missing_value", "no value", "a product_id"),
        ("r,p,,a.jpg,,,1,2", "missing_value", "no value", "a category"),
        ("r,p,bags,,,,1,2", "missing_value", "no value", "a image_url"),
        ("r,p,***,a.jpg,,,1,2", "bad_category", "***", "a name of letters"),
        ("r,p,bags,../a.jpg,,,1,2", "bad_image_url", "../a.jpg", "below the image base"),
        ("r,p,bags,ftp://x/a.jpg,,,1,2", "bad_image_url", "ftp://x/a.jpg", "http"),
        ("r,p,bags,a.jpg,,yesterday,1,2", "unknown_date", "yesterday", "2026-01-31T18:30:00Z"),
        ("r,p,bags,a.jpg,,2026-02-30,1,2", "unknown_date", "2026-02-30", "2026-01-31"),
        ("r,p,bags,a.jpg,,2026-02-02,1,2", "future_day", "2026-02-02", "2026-02-01 or before"),
        ("r,p,bags,a.jpg,,,1.5,2", "not_a_count", "helpful_votes 1.5", "a whole number"),
        ("r,p,bags,a.jpg,,,1,many", "not_a_count", "impressions many", "a whole number"),
        ("r,p,bags,a.jpg,,,-1,2", "negative_count", "helpful_votes -1", "0 or more"),
        ("r,p,bags,a.jpg,,,1,1e30", "absurd_count", "impressions 1e30", "1000000000"),
        ("r,p,bags,a.jpg,,,3,2", "votes_over_impressions", "3 helpful_votes, 2", "helpful_votes ≤"),
        ("r,p,bags", "malformed_row", "3 fields", "8 fields"),
    ],
)
def test_a_bad_row_is_refused_by_its_rule_and_the_others_are_taken(
    line: str, rule: str, measured: str, limit: str
) -> None:
    found = read(GOOD, line, GOOD.replace("good", "other"))
    assert found.good["review_id"].to_list() == ["good", "other"]
    (refused,) = found.refused.to_dicts()
    assert list(refused) == list(REFUSED)
    assert (refused["rule_id"], refused["row"]) == (rule, 2)
    assert measured in refused["measured"]
    assert limit in refused["limit"]
    is_named = line.startswith("r,") and rule != "malformed_row"
    assert refused["detail"].startswith('Review "r": ') == is_named


def test_what_is_not_known_is_no_fault() -> None:
    found = read("r,p,Bags,a.jpg", header="review_id,product_id,category,image_url")
    assert found.refused.is_empty()
    assert found.good.row(0, named=True) == {
        "category": "bags", "review_id": "r", "product_id": "p", "style": "p",
        "image_url": "a.jpg", "image_location": "/shop/a.jpg", "submitted_at": None,
        "helpful_votes": None, "impressions": None, "feed_row": 1,
    }  # fmt: skip
    votes = read("r,p,bags,a.jpg,,,0,0", "q,p,bags,a.jpg,,,5,").good
    assert votes.select("helpful_votes", "impressions").rows() == [(5, None), (0, 0)]


def test_rows_about_one_review_agree_or_none_of_them_counts() -> None:
    found = read(GOOD, GOOD, "r,p,bags,a.jpg,,,1,2", "r,p,bags,a.jpg,,,2,2")
    assert found.good["review_id"].to_list() == ["good"]
    assert found.refused["rule_id"].to_list() == ["contradicting_rows"] * 2
    assert found.refused["measured"][0] == "row 3, row 4"


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-05", "2026-01-05T00:00"),
        ("2026-01-05 07:08", "2026-01-05T07:08"),
        ("2026-01-05T07:08:09.123Z", "2026-01-05T07:08:09"),
        ("2026-01-05T07:08:09+02:00", "2026-01-05T05:08:09"),
        ("2026-01-05 23:08:09-0130", "2026-01-06T00:38:09"),
    ],
)
def test_times_are_utc_where_they_name_no_zone(text: str, time: str) -> None:
    (found,) = read(f"r,p,bags,a.jpg,,{text},1,2").good["submitted_at"]
    assert found == dt.datetime.fromisoformat(time).replace(tzinfo=dt.UTC)


def test_all_formats_say_the_same() -> None:
    frame = pl.DataFrame(
        {"review_id": [7], "product_id": ["p"], "category": ["bags"], "image_url": ["a.jpg"],
         "submitted_at": [dt.datetime(2026, 1, 5, 10)], "helpful_votes": [3.0]}
    )  # fmt: skip
    parquet = io.BytesIO()
    frame.write_parquet(parquet)
    line = json.dumps(
        {**frame.row(0, named=True), "submitted_at": "2026-01-05T10:00:00", "unknown": 1}
    )
    contents = {"parquet": parquet.getvalue(), "jsonl": line.encode()}
    found = [
        read_review_rows(content, kind, image_base="/shop", today=TODAY).good
        for kind, content in contents.items()
    ]
    assert found[0].equals(found[1])
    assert found[0]["submitted_at"][0] == dt.datetime(2026, 1, 5, 10, tzinfo=dt.UTC)


def test_a_file_without_a_column_is_refused_whole() -> None:
    with pytest.raises(Refused, match="missing_column"):
        read("r,p", header="review_id,product_id")


def test_a_forgotten_review_is_refused_and_not_named() -> None:
    broken = "secret,p"
    found = read(GOOD, "secret,p,bags,a.jpg,,,1,2", broken, forgotten=(review_hash("secret"),))
    assert found.good["review_id"].to_list() == ["good"]
    assert found.refused["rule_id"].to_list() == ["forgotten"] * 2
    assert found.refused["row"].to_list() == [2, 3]
    assert "secret" not in repr(found.refused.to_dicts())


def test_no_mark_is_the_start_of_another() -> None:
    ids = ["a", 'a": b', "a\\", 'a\\"', 'a"']
    marks = pl.DataFrame({"id": ids}).select(review_mark(pl.col("id"))).to_series().to_list()
    starts = [(m, n) for m in marks for n in marks if m != n and n.startswith(m)]
    assert starts == []
