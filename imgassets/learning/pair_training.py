"""Training the comparator of pairs on pairs made of one's own photos.

The model is a gradient boosting of trees (LightGBM, Ke et al. 2017) over what
:mod:`imgassets.selection.pairs.differences` measures. It is judged on photos that it has not seen:
folds never split a photo.
"""

from __future__ import annotations

import multiprocessing
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import polars as pl

from imgassets.learning.synthetic.blur import through_jpeg
from imgassets.learning.synthetic.pairs import make_pair
from imgassets.selection.comparator import COLUMNS, describe, distances
from imgassets.selection.pairs.differences import measure_pair
from imgassets.selection.pairs.record import MEASURES
from imgassets.vision.decode import Undecodable, decode
from imgassets.vision.record import Signals
from imgassets.vision.signals import measure

_QUALITY = (75, 95)
"""JPEG quality of the pictures of a pair, least and most: both are files once."""

_FOLDS = 5

_ROUNDS = 400

_MORE_DIFFERS = ("_q90", "_q97", "_most")
_CONSTRAINTS = [
    -1 if name.endswith(_MORE_DIFFERS) or name.startswith("content_only") else 0
    for name in MEASURES
]
"""A stronger difference never makes "same" more probable, however few pairs like it were seen."""

_PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 12,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 2.0,
    "deterministic": True,
    "force_row_wise": True,
    "monotone_constraints": _CONSTRAINTS,
    "monotone_constraints_method": "intermediate",
    "verbose": -1,
}


class MeasuredPairs(NamedTuple):
    """Pairs that were made and measured.

    Attributes:
        values: float32, n × measures.
        nearness: float32, n × 3: shape, edges and HSV distance of the signals, as the gate sees
            them.
        same: bool, n.
        photos: int64, n: number of the photo that each was made of.
        kinds: what was done.
    """

    values: np.ndarray
    nearness: np.ndarray
    same: np.ndarray
    photos: np.ndarray
    kinds: list[str]


class Report(NamedTuple):
    """How a comparator does on photos it has not seen, at the limit ``probability``.

    Attributes:
        probability: least probability of "same".
        precision: of "same", 0 … 1.
        recall: likewise.
        right: share of pairs that are right, by kind of the first change.
    """

    probability: float
    precision: float
    recall: float
    right: dict[str, float]


def measure_made_pairs(
    photos: Sequence[Path], count: int, seed: int, processes: int = 1,
    tell: Callable[[int], None] = lambda _: None,
) -> MeasuredPairs:  # fmt: skip
    """Make pairs of photos, half of them the same, and measure them.

    Args:
        photos: image files; the n-th pair is made of the n-th of them, from the start again after
            the last. Files that do not decode are passed over.
        count: pairs.
        seed: 0 or more; the same photos and seed give the same pairs.
        processes: to share the work among.
        tell: called after each pair with how many are done.

    Raises:
        ValueError: there are fewer than two photos, or none decodes.
    """
    if len(photos) < 2:
        raise ValueError("pairs need at least two photos")
    job = partial(_measured, list(photos), seed)
    found = []
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        for number, row in enumerate(pool.map(job, range(count), chunksize=16)):
            if row is not None:
                found.append((number % len(photos), *row))
            tell(number + 1)
    if not found:
        raise ValueError("no pair could be made: none of the photos decodes")
    return MeasuredPairs(
        np.stack([row[1] for row in found]),
        _nearness([row[2] for row in found]),
        np.array([row[3] for row in found]),
        np.array([row[0] for row in found]),
        [row[4] for row in found],
    )


def _measured(
    photos: list[Path], seed: int, number: int
) -> tuple[np.ndarray, tuple[Signals, Signals], bool, str] | None:
    cv2.setNumThreads(1)
    rng = np.random.default_rng([seed, number])
    place = number % len(photos)
    other = (place + 1 + int(rng.integers(len(photos) - 1))) % len(photos)
    try:
        pictures = [decode(photos[i].read_bytes()) for i in (place, other)]
    except Undecodable:
        return None
    pair = make_pair(pictures[0], pictures[1], number + 2 * seed * 1_000_003)
    quality = int(rng.integers(*_QUALITY))
    left, right = through_jpeg(pair.left, quality), through_jpeg(pair.right, quality)
    measures = measure_pair(left, right)
    if measures.blank:
        return None
    return measures.values, (measure(left), measure(right)), pair.same, pair.kind


def _nearness(signals: list[tuple[Signals, Signals]]) -> np.ndarray:
    rows = [one for pair in signals for one in pair]
    frame = pl.DataFrame({name: [getattr(row, name) for row in rows] for name in COLUMNS})
    left = np.arange(0, len(rows), 2)
    found = distances(describe(frame), left, left + 1)
    return np.stack([found.shape, found.edges, found.hsv], axis=1).astype(np.float32)


def fit_comparator(pairs: MeasuredPairs, seed: int) -> str:
    """Fit the model on all pairs and return it as LightGBM's text."""
    return str(_fitted(pairs.values, pairs.same, seed).model_to_string())


def _fitted(values: np.ndarray, same: np.ndarray, seed: int):  # type: ignore[no-untyped-def]  # noqa: ANN202  lightgbm has no stubs
    import lightgbm

    data = lightgbm.Dataset(values, same.astype(np.int8), feature_name=list(MEASURES))
    return lightgbm.train({**_PARAMETERS, "seed": seed}, data, _ROUNDS)


def held_out_probabilities(pairs: MeasuredPairs, seed: int) -> np.ndarray:
    """Return each pair's probability of "same" by a model that has not seen its photo."""
    found = np.empty(len(pairs.same), np.float32)
    folds = np.random.default_rng(seed).integers(_FOLDS, size=int(pairs.photos.max()) + 1)
    fold_of = folds[pairs.photos]
    for fold in range(_FOLDS):
        here = fold_of == fold
        if here.any():
            model = _fitted(pairs.values[~here], pairs.same[~here], seed)
            found[here] = model.predict(pairs.values[here])
    return found


def report(pairs: MeasuredPairs, probabilities: np.ndarray, limit: float) -> Report:
    """Say how good held-out probabilities are at a limit."""
    said = probabilities >= limit
    hits = int((said & pairs.same).sum())
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for kind, right in zip(pairs.kinds, said == pairs.same, strict=True):
        by_kind[kind.split("+")[0]].append(bool(right))
    return Report(
        limit,
        hits / max(1, int(said.sum())),
        hits / max(1, int(pairs.same.sum())),
        {kind: float(np.mean(right)) for kind, right in sorted(by_kind.items())},
    )
