"""Files of products, queries and judgements: what they must say, and how they are read.

Columns are ``product_id``, ``title``, ``image`` and ``category`` of products (also ``description``,
and a column per attribute that labels it, such as ``colour``); ``query_id``, ``query`` and, where
queries are split, ``split`` ('train' or 'test'); ``query_id``, ``product_id`` and ``relevance``, a
whole number. The names that the data set "Fashion Product Images" uses are understood, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from imgassets.learning.search.data import ATTRIBUTE
from imgassets.learning.search.questions import CATEGORY
from imgassets.search.attributes import Lexicon

ALIASES: Mapping[str, str] = {
    "id": "product_id",
    "productDisplayName": "title",
    "articleType": "category",
    "baseColour": "colour",
}
"""Other names of columns, and what they are read as where that is not in the file."""

SPLITS = ("train", "test")

_SHOWN = 5
"""Values that an error names."""


def read_products(path: Path, lexicon: Lexicon, group: Sequence[str] = ()) -> pl.DataFrame:
    """Read products.

    Args:
        path: CSV file; every column is read as text.
        lexicon: its attributes are labels where the file has a column of that name; other ones are
            taken from titles and descriptions.
        group: columns whose values together name the group that is never split; none: each product
            is one.

    Returns:
        ``product_id``, ``group_id``, ``category``, ``title`` and ``text`` (title and description),
        '' where there is none, ``attributes`` (the category and all labels, a list of
        :data:`imgassets.learning.search.data.ATTRIBUTE`, values in lower case), and ``image`` (file
        name, by default ``<product_id>.jpg``).

    Raises:
        ValueError: the file cannot be read, lacks a column, or names a product twice or not at all.
    """
    listed = _read(path)
    _require(path, listed, group)
    renamed = {old: new for old, new in ALIASES.items() if old in listed.columns}
    rows = listed.rename({old: new for old, new in renamed.items() if new not in listed.columns})
    _require(path, rows, ("product_id", "category"))
    _unique(path, rows, ["product_id"])
    rows = rows.with_columns(
        title=_or_default(rows, "title", pl.lit("")),
        description=_or_default(rows, "description", pl.lit("")),
    )
    whole = listed.select(group) if group else rows.select("product_id")
    return rows.select(
        "product_id",
        whole.select(group_id=pl.concat_str(pl.all(), separator="|"))["group_id"],
        "category",
        "title",
        text=pl.concat_str("title", "description", separator=" ").str.strip_chars(),
        attributes=_labels(rows, lexicon),
        image=_or_default(rows, "image", pl.col("product_id") + ".jpg"),
    )


def read_queries(path: Path) -> pl.DataFrame:
    """Read queries.

    Returns:
        ``query_id``, ``query``, ``split``; without a column ``split`` every query is for the test.

    Raises:
        ValueError: the file cannot be read, lacks a column, names a query twice, or has a split
            other than 'train' and 'test', or none for the test.
    """
    rows = _read(path)
    _require(path, rows, ("query_id", "query"))
    _unique(path, rows, ["query_id"])
    rows = rows.select("query_id", "query", split=_or_default(rows, "split", pl.lit("test")))
    if other := sorted(set(rows["split"]) - set(SPLITS)):
        raise ValueError(f"{path}: split is 'train' or 'test', not {', '.join(other[:_SHOWN])}")
    if "test" not in set(rows["split"]):
        raise ValueError(f"{path}: no query is for the test")
    return rows


def read_judgements(path: Path) -> pl.DataFrame:
    """Read judgements.

    Returns:
        Columns of :data:`imgassets.learning.search.data.JUDGEMENTS`, ``item_id`` being the product.

    Raises:
        ValueError: the file cannot be read, lacks a column, judges a pair twice, or has a relevance
            that is no whole number from 0.
    """
    rows = _read(path)
    _require(path, rows, ("query_id", "product_id", "relevance"))
    _unique(path, rows, ["query_id", "product_id"])
    grades = rows["relevance"].cast(pl.Int64, strict=False)
    if (wrong := rows.filter(grades.is_null() | (grades < 0))).height:
        named = ", ".join(map(repr, wrong["relevance"].unique().sort().head(_SHOWN)))
        raise ValueError(f"{path}: relevance is a whole number from 0, not {named}")
    return rows.select("query_id", item_id="product_id", relevance=grades)


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, infer_schema=False).fill_null("")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ValueError(f"{path}: not a readable CSV file: {error}") from error


def _require(path: Path, rows: pl.DataFrame, names: Sequence[str]) -> None:
    if missing := [name for name in names if name not in rows.columns]:
        has = ", ".join(rows.columns)
        raise ValueError(f"{path}: missing columns: {', '.join(missing)}; the file has: {has}")
    for name in names:
        if name.endswith("_id") and (rows[name] == "").any():
            raise ValueError(f"{path}: a row has no {name}")


def _unique(path: Path, rows: pl.DataFrame, keys: list[str]) -> None:
    twice = rows.filter(rows.select(keys).is_duplicated())
    if twice.height:
        named = " and ".join(f"{key} {twice[key][0]}" for key in keys)
        raise ValueError(f"{path}: {named} is there more than once")


def _or_default(rows: pl.DataFrame, name: str, default: pl.Expr) -> pl.Expr:
    if name not in rows.columns:
        return default
    return pl.when(pl.col(name) != "").then(pl.col(name)).otherwise(default)


def _labels(rows: pl.DataFrame, lexicon: Lexicon) -> pl.Series:
    """Return what is known of each product; what a column says goes before what texts say."""
    columns = [CATEGORY, *(name for name in lexicon.attributes if name in rows.columns)]
    found = []
    for row in rows.iter_rows(named=True):
        said = {
            one["attribute"]: one["value"]
            for one in lexicon.labels(row["title"], row["description"], row["category"])
            if one["attribute"] not in columns
        }
        # Values stay the file's own: what it tells apart, its judgements may tell apart as well.
        told = {name: " ".join(row[name].casefold().split()) for name in columns}
        found.append(
            [
                {"attribute": name, "value": value}
                for name, value in {**told, **said}.items()
                if value
            ]
        )
    return pl.Series("attributes", found, pl.List(ATTRIBUTE))
