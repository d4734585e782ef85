"""What people provide: labels of images and the order of views, read from CSV files.

The readers take the file's own spelling (``view``, ``label`` or ``image_type``; ``style`` or
``group_id``) and return frames in the warehouse's contracts. Every fault is a :class:`ValueError`
that names the file, the lines and the remedy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import polars as pl

from imgassets.search.attributes import Lexicon
from imgassets.warehouse.contract import ATTRIBUTE
from imgassets.warehouse.contracts import (
    AttributeLabels,
    FlagLabels,
    ImageLabels,
    TypePriorities,
)

TYPE_COLUMNS = ("image_type", "view", "label")
GROUP_COLUMNS = ("group_id", "style")
FLAG_VALUES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
SPLITS = ("train", "holdout")
_SHOWN = 5
"""Offending rows that an error message lists before it says how many more there are."""


def slugify(text: str) -> str:
    """Return a category's slug, as feeds have it.

    Lower case without accents; runs of anything but letters and digits become '-'.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def read_labels(path: Path, content: bytes | None = None) -> pl.DataFrame:
    """Read labels of image types.

    Args:
        path: CSV with ``product_id``, ``image_url`` and one of ``image_type``, ``view``, ``label``;
            optionally ``group_id`` or ``style``, which keeps images of one style together when
            labels are split (default: the product). Other columns are ignored.
        content: the file's bytes, where they were read already.

    Returns:
        Frame in contract ``ImageLabels``; a label given twice alike is kept once.

    Raises:
        ValueError: the file cannot be read, a column or a value is missing, or an image has labels
            that contradict each other.
    """
    frame = _read_csv(path, content)
    type_column = _one_of(path, frame, TYPE_COLUMNS)
    _require(path, frame, ["product_id", "image_url"])
    group_column = next((c for c in GROUP_COLUMNS if c in frame.columns), "product_id")
    labels = frame.select(
        "line",
        "product_id",
        "image_url",
        image_type=pl.col(type_column).str.to_lowercase(),
        group_id=pl.coalesce(group_column, "product_id"),
        source=pl.lit(path.name),
    )
    _refuse_empty(path, labels, ["product_id", "image_url", "image_type"])
    _refuse_conflicts(path, labels, ["product_id", "image_url"], "image_type")
    _refuse_conflicts(path, labels, ["product_id", "image_url"], "group_id")
    return ImageLabels.conform(
        labels.unique(["product_id", "image_url"], keep="first", maintain_order=True)
    )


def labels_flags(path: Path, content: bytes | None = None) -> bool:
    """Tell whether a file of labels labels flags (it has a column ``flag``) and not types.

    Raises:
        ValueError: the file cannot be read, or has columns of both.
    """
    columns = _read_csv(path, content).columns
    if "flag" in columns and (types := [c for c in TYPE_COLUMNS if c in columns]):
        raise ValueError(
            f"{path}: labels of flags or of types? It has the columns flag and {types[0]}: "
            "import them as two files"
        )
    return "flag" in columns


def read_flag_labels(
    path: Path, known_flags: Collection[str], content: bytes | None = None
) -> pl.DataFrame:
    """Read labels of flags: whether images deserve them.

    Args:
        path: CSV with ``product_id``, ``image_url`` and ``flag``; optionally ``value`` (yes, no,
            true, false, 1 or 0; default: yes), ``group_id`` or ``style`` (default: the product)
            and ``split`` (train or holdout; default: train). Other columns are ignored.
        known_flags: flags that may occur.
        content: the file's bytes, where they were read already.

    Returns:
        Frame in contract ``FlagLabels``; a label given twice alike is kept once.

    Raises:
        ValueError: the file cannot be read, a column or a value is missing, a flag, a value or a
            split is unknown, or an image has labels of one flag that contradict each other.
    """
    frame = _read_csv(path, content)
    _require(path, frame, ["product_id", "image_url", "flag"])
    group_column = next((c for c in GROUP_COLUMNS if c in frame.columns), "product_id")
    value = pl.col("value").str.to_lowercase() if "value" in frame.columns else pl.lit("yes")
    split = pl.col("split").str.to_lowercase() if "split" in frame.columns else pl.lit(None)
    labels = frame.select(
        "line",
        "product_id",
        "image_url",
        flag=pl.col("flag").str.to_lowercase(),
        value=value,
        group_id=pl.coalesce(group_column, "product_id"),
        split=split.fill_null("train"),
        source=pl.lit(path.name),
    )
    _refuse_empty(path, labels, ["product_id", "image_url", "flag", "value"])
    _refuse_unknown(path, labels, "flag", sorted(known_flags), "(IMGASSETS_FLAGS adds more)")
    _refuse_unknown(path, labels, "value", list(FLAG_VALUES))
    _refuse_unknown(path, labels, "split", SPLITS)
    labels = labels.with_columns(
        pl.col("value").replace_strict(FLAG_VALUES, return_dtype=pl.Boolean)
    )
    key = FlagLabels.primary_key()
    for column in ("value", "group_id", "split"):
        _refuse_conflicts(path, labels, key, column)
    return FlagLabels.conform(labels.unique(key, keep="first", maintain_order=True))


def read_attribute_labels(path: Path, lexicon: Lexicon) -> pl.DataFrame:
    """Read labels of products' attributes.

    Args:
        path: CSV with ``product_id``, ``attribute`` (lower case, e.g. ``sleeve_length``) and
            ``value``. Other columns are ignored.
        lexicon: by which values are spelt: "Navy Blue" is ``navy``.

    Returns:
        Frame in contract ``AttributeLabels``; a label given twice alike is kept once.

    Raises:
        ValueError: the file cannot be read, a column or a value is missing, an attribute's name is
            none, or a product has labels of one attribute that contradict each other.
    """
    frame = _read_csv(path)
    key = AttributeLabels.primary_key()
    _require(path, frame, [*key, "value"])
    labels = frame.select(
        "line", "product_id", pl.col("attribute").str.to_lowercase(), "value",
        source=pl.lit(path.name),
    )  # fmt: skip
    _refuse_empty(path, labels, [*key, "value"])
    named = labels.filter(~pl.col("attribute").str.contains(ATTRIBUTE))
    if not named.is_empty():
        raise ValueError(
            f"{path}: an attribute's name is lower-case letters, digits and '_': "
            + _some(f"line {r['line']}: {r['attribute']}" for r in named.to_dicts())
        )
    spelt = [lexicon.value_of(*said) for said in labels.select("attribute", "value").iter_rows()]
    labels = labels.with_columns(value=pl.Series(spelt, dtype=pl.String))
    _refuse_conflicts(path, labels, key, "value")
    return AttributeLabels.conform(labels.unique(key, keep="first", maintain_order=True))


def read_type_priorities(path: Path) -> pl.DataFrame:
    """Read each category's order of views.

    Args:
        path: CSV with ``category`` (slugified here), ``rank`` (from 1, 1 comes first) and one of
            ``image_type``, ``view``, ``label``.

    Returns:
        Frame in contract ``TypePriorities``, sorted by category and rank.

    Raises:
        ValueError: the file cannot be read, a column or a value is missing, a rank is not a whole
            number from 1, a type has two ranks, or two types share one.
    """
    frame = _read_csv(path)
    type_column = _one_of(path, frame, TYPE_COLUMNS)
    _require(path, frame, ["category", "rank"])
    priorities = frame.select(
        "line",
        "rank",
        category=pl.col("category").map_elements(slugify, return_dtype=pl.String),
        image_type=pl.col(type_column).str.to_lowercase(),
    )
    _refuse_empty(path, priorities, ["category", "rank", "image_type"])
    numbers = priorities.with_columns(pl.col("rank").cast(pl.Int32, strict=False))
    bad = priorities.filter(numbers["rank"].is_null() | (numbers["rank"] < 1))
    if not bad.is_empty():
        raise ValueError(
            f"{path}: a rank is a whole number from 1: "
            + _some(f"line {r['line']}: {r['rank']}" for r in bad.to_dicts())
        )
    _refuse_conflicts(path, numbers, ["category", "image_type"], "rank")
    _refuse_conflicts(path, numbers, ["category", "rank"], "image_type")
    return TypePriorities.conform(
        numbers.unique(["category", "image_type"], keep="first").sort("category", "rank")
    )


def _read_csv(path: Path, content: bytes | None = None) -> pl.DataFrame:
    """Read a CSV as stripped strings (empty is null) with the line number of each row."""
    try:
        frame = pl.read_csv(path if content is None else content, infer_schema=False)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ValueError(f"{path}: not a readable CSV file: {error}") from error
    frame = frame.rename({name: name.strip().lower() for name in frame.columns})
    stripped = pl.all().str.strip_chars()
    return frame.select(
        pl.when(stripped != "").then(stripped).name.keep(),
    ).with_row_index("line", offset=2)


def _require(path: Path, frame: pl.DataFrame, columns: list[str]) -> None:
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise ValueError(
            f"{path}: missing columns: {', '.join(missing)}; "
            f"the file has: {', '.join(frame.columns[1:])}"
        )


def _one_of(path: Path, frame: pl.DataFrame, columns: tuple[str, ...]) -> str:
    """Return the first of `columns` that the file has."""
    for column in columns:
        if column in frame.columns:
            return column
    raise ValueError(
        f"{path}: missing column: one of {', '.join(columns)}; "
        f"the file has: {', '.join(frame.columns[1:])}"
    )


def _refuse_empty(path: Path, frame: pl.DataFrame, columns: list[str]) -> None:
    empty = frame.filter(pl.any_horizontal(pl.col(columns).is_null()))
    if not empty.is_empty():
        raise ValueError(
            f"{path}: a value of {', '.join(columns)} is empty: "
            + _some(f"line {line}" for line in empty["line"])
        )


def _refuse_unknown(
    path: Path, frame: pl.DataFrame, column: str, known: Sequence[str], more: str = ""
) -> None:
    unknown = frame.filter(~pl.col(column).is_in(known))
    if not unknown.is_empty():
        raise ValueError(
            f"{path}: unknown {column}, known are {', '.join(known)} {more}".rstrip()
            + ": "
            + _some(f"line {r['line']}: {r[column]}" for r in unknown.to_dicts())
        )


def _refuse_conflicts(path: Path, frame: pl.DataFrame, key: list[str], value: str) -> None:
    """Raise if rows of equal `key` differ in `value`."""
    conflicts = (
        frame.group_by(key, maintain_order=True)
        .agg(pl.col(value).cast(pl.String).unique(maintain_order=True), "line")
        .filter(pl.col(value).list.len() > 1)
    )
    if not conflicts.is_empty():
        raise ValueError(
            f"{path}: contradicting {value}: "
            + _some(
                f"{' '.join(str(r[k]) for k in key)} is {' and '.join(r[value])} "
                f"(lines {', '.join(map(str, r['line']))})"
                for r in conflicts.to_dicts()
            )
        )


def _some(items: Iterable[str]) -> str:
    """Join the first few items and say how many more there are."""
    found = list(items)
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more
