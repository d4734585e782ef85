"""Comparing pairs of image files that a list names, as the de-duplication would."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from imgassets.selection.comparator import COLUMNS, describe, distances, may_be_same
from imgassets.selection.pairs.files import ComparedFiles, compare_files, request
from imgassets.selection.pairs.record import PictureBox
from imgassets.selection.pairs.verdict import probabilities
from imgassets.selection.thresholds import Limits, read_thresholds
from imgassets.settings import Settings
from imgassets.vision.decode import Undecodable
from imgassets.vision.guard import GuardedPool, WorkerFailure, WorkerLimits
from imgassets.vision.signals import warm_up

_Pool = GuardedPool[ComparedFiles | Undecodable]

ADDED = ("same", "probability", "decided_by", "left_box", "right_box", "problem")
"""Columns that are added to a list of pairs."""

_NAMES = ("left", "right")


class _Looked(NamedTuple):
    """What became of one pair.

    Attributes:
        found: what its files show, the one with the smaller hash on the left; None if one of them
            cannot be compared.
        identical: both have the same bytes.
        turned: the file named on the left has the greater hash.
        problem: why the pair cannot be compared, or empty.
    """

    found: ComparedFiles | None
    identical: bool = False
    turned: bool = False
    problem: str = ""


def read_list(path: Path) -> pl.DataFrame:
    """Read a list of pairs: a CSV file with the columns left and right, and any others, as text.

    Raises:
        ValueError: the file cannot be read, lacks a column, or has one that is to be added.
    """
    try:
        listed = pl.read_csv(path, infer_schema=False).fill_null("")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ValueError(f"{path}: not a readable CSV file: {error}") from error
    if missing := [name for name in _NAMES if name not in listed.columns]:
        has = ", ".join(listed.columns)
        raise ValueError(f"{path}: missing columns: {', '.join(missing)}; the file has: {has}")
    if taken := [name for name in ADDED if name in listed.columns]:
        raise ValueError(f"{path}: rename {', '.join(taken)}: columns of that name are added")
    return listed


def compare_listed(
    listed: pl.DataFrame,
    images: Path,
    category: str | None,
    settings: Settings,
    tell: Callable[[int], object] = lambda _: None,
) -> pl.DataFrame:
    """Compare the pairs of a list.

    The same pair gives the same answer whichever file is named first.

    Args:
        listed: see :func:`read_list`.
        images: folder that left and right start from.
        category: whose limits decide; None: the default ones.
        settings: the comparator and the processes that decode.
        tell: called with the number of pairs that are done besides.

    Returns:
        The list with :data:`ADDED`: ``same``; the probability of it (0 … 1); who decided (bytes,
        signals or pixels); where each picture differs most from the other (top, left, height and
        width as shares, with spaces between); ``problem``: why a pair could not be compared: it
        then counts as different, with probability 0, decided by nobody.

    Raises:
        ValueError: the limits or the comparator's model cannot be read.
    """
    thresholds = read_thresholds(settings.dedup.thresholds)
    limits = thresholds.of(category) if category else thresholds.default
    vision = settings.vision
    guard = WorkerLimits(vision.image_seconds, vision.worker_memory_mib)
    files = [[images / name for name in listed[side]] for side in _NAMES]
    looked: list[_Looked] = []
    with (
        GuardedPool(compare_files, vision.workers, guard, warm_up) as pool,
        ThreadPoolExecutor(vision.workers) as threads,
    ):
        for one in threads.map(lambda left, right: _look(pool, left, right), *files):
            looked.append(one)
            tell(1)
    compared = [one.found for one in looked if one.found is not None]
    verdicts = iter(_judge(compared, limits, settings.dedup.comparator))
    rows = [
        _row(one, *next(verdicts)) if one.found is not None
        else (False, 0.0, "", "", "", one.problem)
        for one in looked
    ]  # fmt: skip
    return listed.hstack(pl.DataFrame(rows, schema=_TYPES, orient="row"))


_TYPES = dict.fromkeys(ADDED, pl.String) | {"same": pl.Boolean, "probability": pl.Float64}


def _look(pool: _Pool, left: Path, right: Path) -> _Looked:
    contents = []
    for path in (left, right):  # An empty name is the folder: no file either.
        try:
            contents.append(path.read_bytes())
        except OSError as error:
            return _Looked(None, problem=f"{path.name}: {error.strerror}")
    one, other = (hashlib.sha256(content).digest() for content in contents)
    turned = one > other
    answer = pool.call(request(*contents[:: -1 if turned else 1]))
    if isinstance(answer, (Undecodable, WorkerFailure)):
        return _Looked(None, problem=answer.detail)
    return _Looked(answer, one == other, turned)


def _judge(
    compared: Sequence[ComparedFiles], limits: Limits, model: Path | None
) -> list[tuple[bool, float, bool]]:
    """Return for each pair: are its signals near, the probability of the same, is it the same."""
    if not compared:
        return []
    signals = [one for pair in compared for one in (pair.left, pair.right)]
    frame = pl.DataFrame({name: [getattr(s, name) for s in signals] for name in COLUMNS})
    left = np.arange(0, len(signals), 2)
    found = distances(describe(frame), left, left + 1)
    near = may_be_same(found, limits.gate.shape, limits.gate.edges, limits.gate.hsv)
    likely = probabilities([pair.measures for pair in compared], model)
    limit = limits.same_probability
    return [(bool(n), float(p), bool(n and p >= limit)) for n, p in zip(near, likely, strict=True)]


def _row(one: _Looked, near: bool, probability: float, same: bool) -> tuple[object, ...]:
    assert one.found is not None
    if one.identical:
        return (True, 1.0, "bytes", "", "", "")
    measures = one.found.measures
    boxes = [_as_text(box) for box in (measures.left_box, measures.right_box)]
    decided_by = "pixels" if near else "signals"
    return (same, probability, decided_by, *boxes[:: -1 if one.turned else 1], "")


def _as_text(box: PictureBox) -> str:
    return " ".join(f"{share:g}" for share in box)
