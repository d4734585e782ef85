"""People's ratings of photos, as a file of theirs: counts of each rating, or a mean.

One column ``image`` (a path under a folder), and either columns ``1`` … ``10`` with the number of
people who gave each rating, as AVA has them (Murray, Marchesotti and Perronnin, CVPR 2012), or
``mean`` and, if it is known, ``std``. Photos with one ``group`` (optional) are never split between
training and evaluation; by default each photo is a group.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl

from imgassets.learning.nima.head import RATINGS
from imgassets.learning.nima.targets import Impossible, maximum_entropy

ASSUMED_STD = 1.4
"""Standard deviation of a photo's ratings where a file names none: about that of people rating
photos on this scale."""

_COUNTS = tuple(str(rating) for rating in range(1, RATINGS + 1))

_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "image": pl.String,
    "group_id": pl.String,
    "target": pl.List(pl.Float64),
}


class Ratings(NamedTuple):
    """A file of ratings.

    Attributes:
        rows: ``image``, ``group_id`` and ``target`` (shares of the ratings 1 … 10, a list), in the
            file's order, a row per image.
        refused: one sentence per row that was left out.
    """

    rows: pl.DataFrame
    refused: tuple[str, ...]


def read_ratings(path: Path) -> Ratings:
    """Read a file of ratings; a bad row is left out, with the reason.

    Raises:
        ValueError: the file cannot be read, lacks columns, or has no good row.
    """
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is no readable CSV file ({reason})") from error
    columns = set(frame.columns)
    by_counts = columns.issuperset(_COUNTS)
    if "image" not in columns or not (by_counts or "mean" in columns):
        raise ValueError(
            f"{path} has columns {', '.join(frame.columns)}: ratings need 'image', and either the "
            "counts '1' … '10' or 'mean' (and 'std')"
        )
    rows: dict[str, tuple[str, list[float]]] = {}
    refused = []
    for number, row in enumerate(frame.iter_rows(named=True), start=1):
        image = (row["image"] or "").strip()
        try:
            if not image:
                raise ValueError("no image is named")
            if image in rows:
                raise ValueError("the image was rated in an earlier row")
            target = _of_counts(row) if by_counts else _of_mean(row)
        except ValueError as reason:
            refused.append(f"row {number} ({image or 'no image'}): {reason}")
            continue
        rows[image] = ((row.get("group") or "").strip() or image, target)
    if not rows:
        why = f": {refused[0]}" if refused else ""
        raise ValueError(f"{path} has no usable row{why}")
    kept = [(image, group, target) for image, (group, target) in rows.items()]
    return Ratings(pl.DataFrame(kept, schema=_SCHEMA, orient="row"), tuple(refused))


def _of_counts(row: Mapping[str, str | None]) -> list[float]:
    """Return the shares of counts of people."""
    counts = [_number(row, name) for name in _COUNTS]
    if min(counts) < 0:
        raise ValueError("a count is negative")
    total = sum(counts)
    if total <= 0:
        raise ValueError("nobody rated the image: all counts are 0")
    return [count / total for count in counts]


def _of_mean(row: Mapping[str, str | None]) -> list[float]:
    """Return the distribution of maximum entropy of a mean and a deviation."""
    std = _number(row, "std") if (row.get("std") or "").strip() else ASSUMED_STD
    try:
        return [float(share) for share in maximum_entropy(_number(row, "mean"), std)]
    except Impossible as error:
        raise ValueError(str(error)) from error


def _number(row: Mapping[str, str | None], name: str) -> float:
    text = (row[name] or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} is {text!r}, not a number")
    return value
