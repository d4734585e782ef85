from __future__ import annotations

import re
from pathlib import Path

import pytest

from imgassets.learning.labels import labels_flags, read_flag_labels

HEADER = "product_id,image_url,flag"


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "flags.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_every_row_says_yes_where_nothing_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, f"﻿{HEADER},note\np1,a.jpg,Weapon,x\n")
    assert labels_flags(path)
    assert read_flag_labels(path, ["weapon"]).rows() == [
        ("p1", "a.jpg", "weapon", True, "p1", "train", "flags.csv")
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", True), ("True", True), ("1", True), ("NO", False), ("false", False), ("0", False)],
)
def test_values_in_any_spelling(tmp_path: Path, text: str, value: bool) -> None:
    path = write(tmp_path, f"{HEADER},value\np,a,weapon,{text}\n")
    assert read_flag_labels(path, ["weapon"])["value"].to_list() == [value]


def test_groups_and_splits(tmp_path: Path) -> None:
    path = write(
        tmp_path, f"{HEADER},style,split\np1,a,weapon,s1,Holdout\np2,b,weapon,,\np1,a,drugs,s1,\n"
    )
    labels = read_flag_labels(path, ["weapon", "drugs"])
    assert labels["group_id"].to_list() == ["s1", "p2", "s1"]
    assert labels["split"].to_list() == ["holdout", "train", "train"]


def test_a_repeated_label_is_kept_once(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEADER},value\np,a,weapon,yes\np,a,weapon,1\n")
    assert read_flag_labels(path, ["weapon"]).height == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("product_id,flag\np,weapon\n", "missing columns: image_url; the file has: product_id"),
        (
            f"{HEADER}\np,a,weapon\np,b,wepon\n",
            "unknown flag, known are drugs, weapon (IMGASSETS_FLAGS adds more): line 3: wepon",
        ),
        (f"{HEADER},value\np,a,weapon,maybe\n", "unknown value, known are yes, true, 1, no, false"),
        (
            f"{HEADER},value\np,a,weapon,\n",
            "a value of product_id, image_url, flag, value is empty",
        ),
        (f"{HEADER}\np,,weapon\n", "is empty: line 2"),
        (f"{HEADER},split\np,a,weapon,test\n", "unknown split, known are train, holdout: line 2"),
        (
            f"{HEADER},value\np,a,weapon,yes\np,a,drugs,no\np,a,weapon,no\n",
            "contradicting value: p a weapon is true and false (lines 2, 4)",
        ),
        (
            f"{HEADER},split\np,a,weapon,train\np,a,weapon,holdout\n",
            "contradicting split: p a weapon is train and holdout (lines 2, 3)",
        ),
        (
            f"{HEADER},group_id\np,a,weapon,s\np,a,weapon,t\n",
            "contradicting group_id: p a weapon is s and t",
        ),
        (f"{HEADER}\np,\xff,weapon\n".encode("latin-1"), "not a readable CSV file"),
        ("", "not a readable CSV file"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_flag_labels(write(tmp_path, text), ["weapon", "drugs"])


def test_files_of_types_and_of_both(tmp_path: Path) -> None:
    assert not labels_flags(write(tmp_path, "product_id,image_url,view\np,a,front\n"))
    with pytest.raises(ValueError, match="labels of flags or of types"):
        labels_flags(write(tmp_path, f"{HEADER},view\np,a,weapon,front\n"))
