"""One round of the loop (paper A, figure 3): what a new model makes people look at.

Confident positives are checked, uncertain images are asked about, and so are the nearest neighbours
of both in embedding space: what looks like a find may be one that the model missed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.moderation.flags import Flag
from imgassets.moderation.tasks import task_id
from imgassets.warehouse.contracts import ReviewTasks

SHARES = {"uncertain": 0.5, "confident": 0.2, "neighbour": 0.25, "random": 0.05}
"""Shares of a round's questions. What one reason leaves unused goes to the next most urgent; the
few random ones find what the model is blind to."""

_PRIORITIES = {"confident": 0.75, "uncertain": 0.5, "neighbour": 0.25, "random": 0.0}
"""Base of a task's priority; up to 0.25 is added by rank within its reason."""

_MOST_LIKELY = 15
"""Images that stand in for finds where the model finds nothing."""

_BLOCK = 8192
"""Images of the catalog that finds are compared with at a time."""

_QUERIES = 512
"""Finds that are compared at a time: bounds memory where a model finds thousands."""


class Limits(NamedTuple):
    """The limits of the model that scanned."""

    reject: float
    review: float


class Round(NamedTuple):
    """What a round asks, and what it counted on the way."""

    tasks: pl.DataFrame
    n_confident: int
    n_uncertain: int
    n_neighbours: int


def choose_tasks(
    flag: Flag,
    scanned: pl.DataFrame,
    settled: pl.DataFrame,
    limits: Limits,
    *,
    budget: int,
    neighbours: int,
    number: int,
    model_version: str,
    seed: int,
) -> Round:
    """Choose the questions of a round.

    Args:
        flag: what is asked about.
        scanned: image_id, product_id, category, probability, embedding (L2-normalised), one row
            per image, sorted by image_id.
        settled: image_id of images that were asked about, or judged, before.
        limits: of the model that gave the probabilities.
        budget: questions, at most.
        neighbours: nearest neighbours of each find.
        number: of the round.
        model_version: that scanned.
        seed: of the random ones.

    Returns:
        Rows of ``review_tasks`` by falling priority, and the counts of the scan: images over the
        reject limit, between the limits, and nearest neighbours of both.
    """
    p = scanned["probability"].to_numpy().astype(np.float64)
    ids = scanned["image_id"].to_numpy()
    known = set(settled["image_id"].to_list())
    is_open = np.array([i not in known for i in ids], dtype=bool)
    confident = p >= limits.reject
    uncertain = (p >= limits.review) & ~confident
    doubtful = uncertain.copy()
    if not np.any(confident | uncertain):  # sure of nothing: it asks about what is most likely
        doubtful[np.argsort(-p, kind="stable")[:_MOST_LIKELY]] = True
    finds = np.flatnonzero(confident | doubtful)
    vectors = _matrix(scanned)
    nearest = _nearest(vectors, finds, neighbours)
    near = np.setdiff1d(np.unique(nearest), finds)
    is_near = np.isin(np.arange(len(p)), near)

    # Rare classes are learnt from what is found: the most likely come first, and those among them
    # that people refuse are the hardest counterexamples.
    by_p = np.argsort(-p, kind="stable")
    rng = np.random.default_rng([seed, number])
    ranked = {
        "confident": [i for i in by_p if confident[i] and is_open[i]],
        "uncertain": [i for i in by_p if doubtful[i] and is_open[i]],
        "neighbour": [i for i in by_p if is_near[i] and is_open[i]],
        "random": [
            i for i in rng.permutation(len(p)) if is_open[i] and not (confident[i] or doubtful[i])
        ],
    }
    chosen = _fill(ranked, budget, by_p[is_open[by_p]])
    shown = _nearest(vectors, np.array([index for _, index in chosen], int), neighbours)
    # Whom each neighbour is nearest to: of all finds, the one in whose list it comes first.
    found_by: dict[int, int] = {}
    for column in nearest.T:
        for n, f in zip(column.tolist(), finds.tolist(), strict=True):
            found_by.setdefault(n, f)
    rows = [
        _task(
            flag,
            scanned.row(index, named=True),
            reason,
            priority=_PRIORITIES[reason] + 0.25 * (1 - rank / len(chosen)),
            number=number,
            model_version=model_version,
            neighbours=[str(ids[n]) for n in shown[rank]],
            found_by=str(ids[found_by[index]]) if reason == "neighbour" else "",
        )
        for rank, (reason, index) in enumerate(chosen)
    ]
    tasks = pl.DataFrame(rows, schema=ReviewTasks.create_empty().schema, orient="row")
    return Round(
        tasks.sort(["priority", "task_id"], descending=[True, False]),
        int(confident.sum()),
        int(uncertain.sum()),
        len(near),
    )


def _fill(
    ranked: dict[str, list[int]], budget: int, most_likely: NDArray[np.intp]
) -> list[tuple[str, int]]:
    """Take each reason's share, then go on with what is left, then with the most likely images."""
    chosen: list[tuple[str, int]] = []
    taken: set[int] = set()

    def take(reason: str, indices: list[int], most: int) -> None:
        for index in indices:
            if most <= 0 or len(chosen) >= budget:
                return
            if index not in taken:
                taken.add(index)
                chosen.append((reason, index))
                most -= 1

    for reason, share in SHARES.items():
        take(reason, ranked[reason], max(1, round(share * budget)))
    for reason in ("uncertain", "confident", "neighbour"):
        take(reason, ranked[reason], budget)
    take("uncertain", most_likely.tolist(), budget)
    return chosen


def _task(
    flag: Flag,
    row: dict[str, object],
    reason: str,
    *,
    priority: float,
    number: int,
    model_version: str,
    neighbours: list[str],
    found_by: str,
) -> tuple[object, ...]:
    p = float(row["probability"])  # type: ignore[arg-type]
    why = {
        "confident": f"the model is sure (probability {p:.2f}): is it right?",
        "uncertain": f"the model is in doubt (probability {p:.2f})",
        "neighbour": f"looks like {found_by[:8]}, to which the model points (its own: {p:.2f})",
        "random": f"a random check of what the model passes (probability {p:.2f})",
    }[reason]
    made = {
        "task_id": task_id(flag.id, str(row["image_id"])),
        "image_id": row["image_id"],
        "other_image_id": None,
        "image_box": None,
        "other_box": None,
        "flag": flag.id,
        "question": flag.question,
        "choices": None,
        "category": row["category"],
        "product_id": row["product_id"],
        "round": number,
        "reason": reason,
        "why": why,
        "probability": p,
        "guess": None,
        "model_version": model_version,
        "priority": priority,
        "neighbours": neighbours,
    }
    return tuple(made[name] for name in ReviewTasks.column_names())


def _matrix(scanned: pl.DataFrame) -> NDArray[np.float32]:
    """Return the embeddings as float32 [n, d]."""
    if scanned.is_empty():
        return np.empty((0, 0), dtype=np.float32)
    flat = scanned["embedding"].list.explode().to_numpy()
    return np.asarray(flat, dtype=np.float32).reshape(scanned.height, -1)


def _nearest(vectors: NDArray[np.float32], queries: NDArray[np.intp], k: int) -> NDArray[np.intp]:
    """Return the k nearest other rows of each query, by cosine, nearest first: [queries, k].

    Args:
        vectors: [n, d], each of length 1.
        queries: rows to find neighbours of.
        k: how many; fewer where there are not as many rows.
    """
    k = min(k, len(vectors) - 1)
    if k < 1 or not len(queries):
        return np.empty((len(queries), 0), dtype=np.intp)
    parts = range(0, len(queries), _QUERIES)
    return np.vstack([_nearest_of(vectors, queries[i : i + _QUERIES], k) for i in parts])


def _nearest_of(
    vectors: NDArray[np.float32], queries: NDArray[np.intp], k: int
) -> NDArray[np.intp]:
    """Do what :func:`_nearest` does, for few queries, with 1 ≤ k < n."""
    best = np.full((len(queries), k), -np.inf, dtype=np.float32)
    found = np.zeros((len(queries), k), dtype=np.intp)
    rows = np.arange(len(queries))
    for start in range(0, len(vectors), _BLOCK):
        part = vectors[queries] @ vectors[start : start + _BLOCK].T
        columns = np.arange(start, start + part.shape[1])
        part[queries[:, None] == columns[None, :]] = -np.inf
        for _ in range(min(k, part.shape[1])):  # the best of the block, the first among equals
            place = part.argmax(axis=1)
            value = part[rows, place]
            if not (value > best[:, -1]).any():
                break
            part[rows, place] = -np.inf
            both = np.hstack([best, value[:, None]])
            names = np.hstack([found, columns[place][:, None]])
            order = np.argsort(-both, axis=1, kind="stable")[:, :k]
            best, found = np.take_along_axis(both, order, 1), np.take_along_axis(names, order, 1)
    return found
