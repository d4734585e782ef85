from __future__ import annotations

import re
from pathlib import Path

import pytest

from imgassets.learning.labels import (
    read_attribute_labels,
    read_labels,
    read_type_priorities,
    slugify,
)
from imgassets.search.attributes import load_lexicon


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("column", ["image_type", "view", "label"])
def test_labels_in_any_spelling(tmp_path: Path, column: str) -> None:
    path = write(
        tmp_path, f"image_url,Product_ID,{column},note\n a.jpg ,p1,Front,x\nb.jpg,p1,none,\n"
    )
    labels = read_labels(path)
    assert labels.rows() == [
        ("p1", "a.jpg", "front", "p1", "labels.csv"),
        ("p1", "b.jpg", "none", "p1", "labels.csv"),
    ]


def test_group_falls_back_to_the_product(tmp_path: Path) -> None:
    path = write(tmp_path, "product_id,image_url,view,style\np1,a,front,s1\np2,b,back,\n")
    assert read_labels(path)["group_id"].to_list() == ["s1", "p2"]


def test_repeated_label_is_kept_once(tmp_path: Path) -> None:
    path = write(tmp_path, "product_id,image_url,view\np,a,front\np,a,front\n")
    assert read_labels(path).height == 1


def test_no_rows(tmp_path: Path) -> None:
    assert read_labels(write(tmp_path, "product_id,image_url,view\n")).is_empty()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_url,view\na,front\n", "missing columns: product_id; the file has: image_url, view"),
        ("product_id,image_url\np,a\n", "one of image_type, view, label"),
        (
            "product_id,image_url,view\np,a,front\np,b,back\np,a,back\n",
            "contradicting image_type: p a is front and back (lines 2, 4)",
        ),
        (
            "product_id,image_url,view,style\np,a,front,s\np,a,front,t\n",
            "contradicting group_id: p a is s and t (lines 2, 3)",
        ),
        ("product_id,image_url,view\np,a,front\np,b,\n", "is empty: line 3"),
        ("", "not a readable CSV file"),
        ("product_id,image_url,view\np,a,front,1,2\n", "not a readable CSV file"),
    ],
)
def test_faults_of_labels_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_labels(write(tmp_path, text))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.csv: no such file"):
        read_labels(tmp_path / "nowhere.csv")


def test_long_lists_of_faults_are_cut(tmp_path: Path) -> None:
    rows = "".join(f"p,{i},front\np,{i},back\n" for i in range(8))
    with pytest.raises(ValueError, match="; and 3 more"):
        read_labels(write(tmp_path, "product_id,image_url,view\n" + rows))


def test_priorities_are_slugified_and_sorted(tmp_path: Path) -> None:
    path = write(tmp_path, "category,rank,view\nMen's  Tees,2,back\nMen's  Tees,1,Front\n")
    assert read_type_priorities(path).rows() == [
        ("men-s-tees", "front", 1),
        ("men-s-tees", "back", 2),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("category,view\nc,front\n", "missing columns: rank"),
        ("category,rank,view\nc,0,front\n", "whole number from 1: line 2: 0"),
        ("category,rank,view\nc,first,front\n", "line 2: first"),
        ("category,rank,view\nc,1,front\nc,2,front\n", "contradicting rank: c front is 1 and 2"),
        ("category,rank,view\nc,1,front\nc,1,back\n", "contradicting image_type: c 1 is front and"),
        ("category,rank,view\nc,,front\n", "is empty: line 2"),
    ],
)
def test_faults_of_priorities_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_type_priorities(write(tmp_path, text))


def test_slugify() -> None:
    assert slugify(" Women's Bras & Tanks ") == "women-s-bras-tanks"
    assert slugify("Décor") == "decor"


def test_catalog_files_are_read(shared) -> None:
    catalog = shared("catalog")
    labels = read_labels(catalog / "labels" / "image_types.csv")
    assert labels.height == 562
    assert labels["group_id"].n_unique() == 60
    assert read_type_priorities(catalog / "truth" / "type_priority.csv").height > 16


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("product_id,value\np1,red\n", "missing columns: attribute"),
        ("product_id,attribute,value\np1,colour,\n", "is empty: line 2"),
        ("product_id,attribute,value\np1,sleeve length,long\n", "line 2: sleeve length"),
        (
            "product_id,attribute,value\np1,colour,red\np1,colour,navy\n",
            r"contradicting value: p1 colour is red and navy \(lines 2, 3\)",
        ),
    ],
)
def test_a_bad_row_of_attributes_keeps_the_whole_file_out(tmp_path: Path, content, told) -> None:
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(ValueError, match=told):
        read_attribute_labels(tmp_path / "labels.csv", load_lexicon())
