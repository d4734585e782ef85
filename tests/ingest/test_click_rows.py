from __future__ import annotations

import datetime as dt

import pytest

from imgassets.ingest.click_rows import parse_clicks

HEADER = "day,category,product_id,image_url,position,impressions,clicks"
GOOD = "2026-02-01,bags,p1,images/a.jpg,1,100,7"


def parse(*lines: str, header: str = HEADER):
    return parse_clicks("clicks.csv", "\n".join([header, *lines]).encode())


def test_rows_are_read_by_key() -> None:
    found = parse(GOOD, "2026-02-01,bags, p1 ,images/a.jpg,2,0,0", "2026-01-31,bags,p1,b.jpg,1,5,5")
    assert found.rows() == [
        (dt.date(2026, 1, 31), "bags", "p1", "b.jpg", 1, 5, 5),
        (dt.date(2026, 2, 1), "bags", "p1", "images/a.jpg", 1, 100, 7),
        (dt.date(2026, 2, 1), "bags", "p1", "images/a.jpg", 2, 0, 0),
    ]
    assert parse().is_empty()


def test_an_image_is_named_by_its_id_or_its_url() -> None:
    header = "Clicks,Impressions,position,image_id,image_url,product_id,category,day,shop"
    found = parse(
        f"1,2,1,{'a' * 64},a.jpg,p1,bags,2026-02-01,x", "1,2,2,,b.jpg,p1,bags,2026-02-01,x",
        header=header,
    )  # fmt: skip
    assert found["image"].to_list() == ["a" * 64, "b.jpg"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("2026-02-01,bags,,,1,100,7", "line 3: no product_id, image_url"),
        ("2026-02-31,bags,p1,b,1,100,7", "line 3: day '2026-02-31' is no date such as 2026-01-31"),
        ("2026-02-01,Bags & more,p1,b,1,1,0", "line 3: category 'Bags & more' is no slug"),
        ("2026-02-01,bags,p1,b,0,100,7", "line 3: position '0' is no whole number from 1"),
        ("2026-02-01,bags,p1,b,1.5,100,7", "line 3: position '1.5' is no whole number from 1"),
        ("2026-02-01,bags,p1,b,9999999999,1,0", "line 3: position '9999999999' is no whole number"),
        ("2026-02-01,bags,p1,b,1,-1,0", "line 3: impressions '-1' is no whole number from 0"),
        ("2026-02-01,bags,p1,b,1,many,0", "line 3: impressions 'many' is no whole number from 0"),
        ("2026-02-01,bags,p1,b,1,10,11", "line 3: 11 clicks of 10 impressions"),
        ("2026-02-01,bags,p1,b,1,10,NaN", "line 3: clicks 'NaN' is no whole number from 0"),
        ("2026-02-01,bags,p1", "line 3: "),
        (GOOD, "line 2: the same image, position and day as in another line; line 3: the same"),
    ],
)
def test_a_faulty_line_is_told_and_nothing_is_read(line: str, fault: str) -> None:
    with pytest.raises(
        ValueError, match=r"clicks\.csv: faulty lines, nothing was imported: "
    ) as told:
        parse(GOOD, line)
    assert fault in str(told.value)


def test_no_more_lines_are_told_than_a_person_reads() -> None:
    with pytest.raises(ValueError, match=r"; and 3 more$"):
        parse(*["2026-02-01,bags,p1,b,0,1,0"] * 8)


def test_a_file_without_a_column_or_in_no_encoding() -> None:
    with pytest.raises(
        ValueError, match="missing columns: clicks, image_id or image_url; the file"
    ):
        parse(header="day,category,product_id,position,impressions")
    with pytest.raises(ValueError, match="not UTF-8"):
        parse_clicks("clicks.csv", b"\xff\xe9\n")
    with pytest.raises(ValueError, match="empty"):
        parse_clicks("clicks.csv", b"")


def test_an_id_that_is_none() -> None:
    with pytest.raises(ValueError, match="image_id 'abc' is no SHA-256"):
        parse("2026-02-01,bags,p1,abc,1,1,0", header=HEADER.replace("image_url", "image_id"))
