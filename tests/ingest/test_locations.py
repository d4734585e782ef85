"""Resolving references."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from imgassets.ingest.locations import ImageBase, local_file, resolve


def place(reference: str, base: str) -> str | None:
    return resolve(pl.Series([reference]), ImageBase.parse(base))["image_location"][0]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("reference", "base", "location"),
    [
        ("i/a.jpg", "/base", "/base/i/a.jpg"),
        ("./i//a.jpg", "/base", "/base/i/a.jpg"),
        ("i/../a.jpg", "/base", "/base/a.jpg"),
        ("a..b/..c.jpg", "/base", "/base/a..b/..c.jpg"),
        ("a%20b.jpg?x#y", "/base", "/base/a%20b.jpg?x#y"),
        ("../a.jpg", "/base", None),
        ("..", "/base", None),
        ("/a.jpg", "/base", None),
        ("//h/a.jpg", "/base", None),
        ("HTTP://h/a.jpg", "/base", "HTTP://h/a.jpg"),
        ("file:///etc/x", "/base", "file:///etc/x"),
        ("a%20b.jpg", "file:///base", "file:///base/a%20b.jpg"),
        ("../a.jpg", "file:///base", None),
        ("a%20b.jpg?x=1", "https://h/base", "https://h/base/a%20b.jpg?x=1"),
        ("/a.jpg", "https://h/base", "https://h/a.jpg"),
        ("//cdn/a.jpg", "https://h/base", "https://cdn/a.jpg"),
        ("http:///a.jpg", "https://h/base", None),
        ("data:image/png;base64,xx", "https://h/base", None),
        ("s3://bucket/a.jpg", "/base", None),
        ("C:\\a.jpg", "/base", None),
        ("a\nb.jpg", "https://h/base", None),
        ("http://h/a\x85.jpg", "/base", None),
    ],
)
def test_references(reference, base, location, slash):
    assert place(reference, base + slash) == location


def test_no_base():
    assert place("a.jpg", "") is None
    assert place("http://h/a.jpg", "") == "http://h/a.jpg"


def test_a_relative_base_folder_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place("a.jpg", "images/") == f"{tmp_path}/images/a.jpg"


@pytest.mark.parametrize("base", ["s3://bucket/x", "ftp://h/", "http://"])
def test_other_bases_are_refused(base):
    with pytest.raises(ValueError, match="image base"):
        ImageBase.parse(base)


def test_local_files():
    assert local_file("/a/b c.jpg") == Path("/a/b c.jpg")
    assert local_file("file:///a/b%20c.jpg") == Path("/a/b c.jpg")
    assert local_file("FILE://localhost/a") == Path("/a")
    assert local_file("file://host/a") is None
    assert local_file("http://h/a") is None
