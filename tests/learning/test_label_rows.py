from __future__ import annotations

import polars as pl
import pytest

from imgassets.ingest.refusal import Refused
from imgassets.learning.label_rows import NO_GROUPS, LabelRules, judge_labels, parse_labels


@pytest.mark.parametrize(
    ("content", "rule", "detail"),
    [
        (b"", "empty_file", "The file is empty."),
        (b" \n\n", "empty_file", "The file is empty."),
        (b"\xff\xfe\xfd", "unknown_encoding", "The file is not UTF-16"),
        (b'"product_id', "unreadable_file", "The first line is no CSV header."),
        (
            b"product_id,view\nmug-1,front\n",
            "missing_column",
            "Missing: image_url; the 1 rows of the file were not read.",
        ),
        (b"product_id,image_url\nmug-1,a.jpg\n", "missing_column", "Missing: image_type;"),
        (
            b"product_id,image_url,view,flag\nmug-1,a.jpg,front,weapon\n",
            "mixed_columns",
            "Labels of both kinds in one file: write two files.",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_whole(content: bytes, rule: str, detail: str) -> None:
    with pytest.raises(Refused, match=f"{rule}: {detail}") as refused:
        parse_labels(content)
    assert refused.value.refusal.rule_id == rule


def test_rows_in_any_spelling() -> None:
    text = (
        '﻿ Product_ID ,note,image_url,LABEL,style\np,"a ""note"",\nof two lines", a.jpg ,Front,s1\n'
    )
    kind, rows = parse_labels(text.encode())
    assert kind == "types"
    assert rows.drop("fault").rows() == [(1, "p", "a.jpg", "image_type", "front", "s1", "")]


def test_flags_with_and_without_values() -> None:
    header = "product_id,image_url,flag"
    kind, rows = parse_labels(f"{header}\np,a,Weapon\n".encode())
    assert kind == "flags"
    assert rows.drop("fault").rows() == [(1, "p", "a", "weapon", "yes", "p", "train")]
    _, rows = parse_labels(f"{header},value,split\np,a,weapon,No,HOLDOUT\np,b,weapon,,\n".encode())
    assert rows.select("value", "split").rows() == [("no", "holdout"), (None, "train")]


def test_a_header_alone_has_no_rows() -> None:
    assert parse_labels(b"product_id,image_url,view\n").rows.is_empty()


def test_rows_that_are_none_are_kept_with_their_fault() -> None:
    _, rows = parse_labels(b'product_id,image_url,view\np,a,front,x\np,"b,front\np,c,back\n')
    assert rows["row"].to_list() == [1, 2, 3]
    rules = rows["fault"].struct.field("rule_id").to_list()
    assert rules == ["malformed_row", "malformed_row", None]
    assert rows.filter(pl.col("fault").is_null())["image_url"].to_list() == ["c"]


def test_what_a_model_says_is_no_label() -> None:
    """Also where nothing is known of categories, and any other word is taken for a type."""
    found = parse_labels(b"product_id,image_url,view\np,a,unsure\np,b,sole\np,c,Untyped\n")
    nothing = pl.DataFrame(
        schema={"product_id": pl.String, "category": pl.String, "types": pl.List(pl.String)}
    )
    judged = judge_labels(found, LabelRules([], None, nothing, NO_GROUPS))
    assert judged.labels["value"].to_list() == ["sole"]
    assert judged.refused.select("row", "rule_id", "measured").rows() == [
        (1, "unknown_type", "unsure"),
        (3, "unknown_type", "untyped"),
    ]
