"""Pairs of image files that are labelled as the same or different, and their distances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from imgassets.selection.comparing import Comparator
from imgassets.selection.ensembles import Ensemble
from imgassets.vision.decode import Undecodable, decode

REQUIRED = ("left", "right", "label")
"""Columns that a file of pairs must have."""

OPTIONAL = ("split", "category", "kind")
"""Columns that it may have; ``kind`` says how a pair was made and is not used."""

_LABELS = {
    "1": True, "same": True, "duplicate": True, "yes": True, "true": True,
    "0": False, "different": False, "no": False, "false": False,
}  # fmt: skip

_TEST, _SPLITS = "test", ("tune", "train", "test")

_AT_ONCE = 32
"""Pairs whose pictures are held in memory together."""


class LabelledPair(NamedTuple):
    """Two image files.

    Attributes:
        line: of the file of pairs that names them.
        left: one image.
        right: the other.
        same: whether people call them the same picture.
        is_test: nothing may be tuned on it.
    """

    line: int
    left: Path
    right: Path
    same: bool
    is_test: bool


class Unread(NamedTuple):
    """A pair that cannot be compared: an image file, and one sentence why it does not decode."""

    pair: LabelledPair
    image: Path
    detail: str


class PairDistances(NamedTuple):
    """Distances of labelled pairs.

    Attributes:
        pairs: those that were compared.
        same: bool, one per pair.
        is_test: likewise.
        distances: of comparators that stand alone, by name: float64, one per pair.
        parts: of ensembles, by name: float64, pairs × 3 (``SignalDistances``).
        unread: pairs that could not be compared.
    """

    pairs: list[LabelledPair]
    same: np.ndarray
    is_test: np.ndarray
    distances: dict[str, np.ndarray]
    parts: dict[str, np.ndarray]
    unread: list[Unread]


def read_pairs(path: Path, images: Path, category: str | None = None) -> list[LabelledPair]:
    """Read a file of labelled pairs.

    Args:
        path: CSV with the columns left and right (files in ``images``), label (1, same or
            duplicate; 0 or different) and, optionally, split (tune or test), category and kind.
        images: the folder that the names start from.
        category: only pairs of this category, if the file has that column; None: all.

    Raises:
        ValueError: the file cannot be read or names no pairs (of the category), a column is missing
            or unknown, a label or split is none of the above, or an image does not exist.
    """
    frame = _read_csv(path)
    if category is not None and "category" in frame.columns:
        found = frame["category"].drop_nulls().unique().sort()
        frame = frame.filter(pl.col("category") == category)
        if frame.is_empty():
            raise ValueError(
                f"{path} has no pairs of category {category!r}; it has: "
                f"{', '.join(found) or 'no categories'}"
            )
    if frame.is_empty():
        raise ValueError(f"{path} names no pairs")
    return [_pair(path, images, row) for row in frame.iter_rows(named=True)]


def _read_csv(path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ValueError(f"{path}: not a readable CSV file: {error}") from error
    frame = frame.rename({name: name.strip().lower() for name in frame.columns})
    has = ", ".join(frame.columns)
    if missing := [name for name in REQUIRED if name not in frame.columns]:
        raise ValueError(f"{path}: missing columns: {', '.join(missing)}; the file has: {has}")
    # A misspelt "split" would tune on the test pairs.
    if unknown := [name for name in frame.columns if name not in REQUIRED + OPTIONAL]:
        raise ValueError(
            f"{path}: unknown columns: {', '.join(unknown)}; "
            f"known are {', '.join(REQUIRED + OPTIONAL)}"
        )
    return frame.with_columns(pl.all().str.strip_chars()).with_row_index("line", offset=2)


def _pair(path: Path, images: Path, row: Mapping[str, Any]) -> LabelledPair:
    where = f"{path}, line {row['line']}"
    label = (row["label"] or "").lower()
    if label not in _LABELS:
        raise ValueError(f"{where}: label {row['label'] or ''!r} is none of {', '.join(_LABELS)}")
    split = (row.get("split") or "tune").lower()
    if split not in _SPLITS:
        raise ValueError(f"{where}: split {row['split']!r} is none of {', '.join(_SPLITS)}")
    files = []
    for side in ("left", "right"):
        if not row[side]:
            raise ValueError(f"{where}: no {side} image is named")
        files.append(images / row[side])
        if not files[-1].is_file():
            raise ValueError(f"{where}: there is no image {files[-1]}")
    return LabelledPair(row["line"], files[0], files[1], _LABELS[label], split == _TEST)


def measure_pairs(
    pairs: Sequence[LabelledPair],
    comparators: Iterable[Comparator[Any]],
    advance: Callable[[int], object] = lambda _: None,
) -> PairDistances:
    """Compare labelled pairs in every way.

    A pair with an image that does not decode is told of, and left out.

    Args:
        pairs: see :func:`read_pairs`.
        comparators: ways to compare.
        advance: is called with the number of pairs that are done besides.
    """
    every = list(comparators)
    columns: dict[str, list[Any]] = {comparator.name: [] for comparator in every}
    compared: list[LabelledPair] = []
    unread: list[Unread] = []
    remaining = iter(pairs)
    while some := list(islice(remaining, _AT_ONCE)):
        pictures, refused = _decode_all(some)
        whole = []
        for pair in some:
            bad = next((file for file in (pair.left, pair.right) if file in refused), None)
            if bad is None:
                whole.append(pair)
            else:
                unread.append(Unread(pair, bad, refused[bad]))
        for comparator in every:
            columns[comparator.name] += _compare(comparator, whole, pictures)
        compared += whole
        advance(len(some))
    ensembles = [comparator.name for comparator in every if isinstance(comparator, Ensemble)]
    return PairDistances(
        compared,
        np.array([pair.same for pair in compared], bool),
        np.array([pair.is_test for pair in compared], bool),
        {n: np.array(rows, np.float64) for n, rows in columns.items() if n not in ensembles},
        {name: np.array(columns[name], np.float64).reshape(-1, 3) for name in ensembles},
        unread,
    )


def _decode_all(pairs: Sequence[LabelledPair]) -> tuple[dict[Path, np.ndarray], dict[Path, str]]:
    """Decode the images of pairs; return pictures, and sentences on those that do not decode."""
    pictures: dict[Path, np.ndarray] = {}
    refused: dict[Path, str] = {}
    for file in dict.fromkeys(file for pair in pairs for file in (pair.left, pair.right)):
        try:
            pictures[file] = decode(file.read_bytes())
        except Undecodable as refusal:
            refused[file] = f"{refusal.detail} ({refusal.measured})"
        except OSError as error:
            refused[file] = f"The file cannot be read: {error.strerror}."
    return pictures, refused


def _compare(
    comparator: Comparator[Any], pairs: Sequence[LabelledPair], pictures: dict[Path, np.ndarray]
) -> list[Any]:
    """Return one distance per pair; of an ensemble, its three."""
    files = list(dict.fromkeys(file for pair in pairs for file in (pair.left, pair.right)))
    described = comparator.describe_all([pictures[file] for file in files])
    seen = dict(zip(files, described, strict=True))
    left, right = [seen[pair.left] for pair in pairs], [seen[pair.right] for pair in pairs]
    if isinstance(comparator, Ensemble):
        return [comparator.parts(*both) for both in zip(left, right, strict=True)]
    return comparator.distances(left, right).tolist()
