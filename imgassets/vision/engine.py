"""The inference engines: image ids in, frames of signals and refusals out.

The same operators run in this process (decoding processes feed batches through a bounded queue) or
as actors of a Ray cluster (:mod:`imgassets.vision.ray_engine`); rows are equal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from imgassets.vision.operator import ImageSignals, Load, Look, SignalsOperator
from imgassets.vision.schema import OUTCOME_SCHEMA, SignalsResult, split

if TYPE_CHECKING:
    from imgassets.settings import RaySettings, VisionSettings

V = TypeVar("V")


def compute_signals(
    ids: Sequence[str], load: Load, settings: VisionSettings, ray: RaySettings | None = None
) -> SignalsResult:
    """Compute the signals of images; see :func:`outcomes_of`.

    Returns:
        The signals and the refused images, independent of the order of ``ids``, of batches, of the
        number of processes and of the engine.
    """
    frames = list(outcomes_of(ids, load, settings, ray))
    return split(pl.concat(frames) if frames else pl.DataFrame(schema=OUTCOME_SCHEMA))


def outcomes_of(
    ids: Sequence[str], load: Load, settings: VisionSettings, ray: RaySettings | None = None
) -> Iterator[pl.DataFrame]:
    """Compute the signals of images, batch by batch.

    Args:
        ids: image ids; repeats are computed once.
        load: returns an image's bytes; what it raises ends the computation.
        settings: backbone, batch size and decoding processes.
        ray: the cluster to compute on; by default this process.

    Yields:
        Frames of :data:`OUTCOME_SCHEMA`, one row per image, as they become ready.
    """
    yield from run_operator(ImageSignals, (settings, load), ids, settings, ray)


def run_operator(
    kind: type[SignalsOperator[V]],
    arguments: tuple[object, ...],
    ids: Sequence[str],
    settings: VisionSettings,
    ray: RaySettings | None = None,
) -> Iterator[pl.DataFrame]:
    """Run an operator on images, batch by batch.

    Args:
        kind: its class.
        arguments: what an instance is made with, here or where Ray's actors are.
        ids: image ids; repeats are computed once.
        settings: batch size and decoding processes.
        ray: the cluster to compute on; by default this process.

    Yields:
        Frames of the operator's outcomes, one row per image, as they become ready.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return
    if ray is not None:
        from imgassets.vision.ray_engine import outcomes_by_ray

        yield from outcomes_by_ray(kind, arguments, wanted, settings, ray)
        return
    with kind(*arguments) as operator:  # type: ignore[arg-type]  # each kind has its own
        for batch in batches_of_looks(operator, wanted, settings):
            yield operator.finish(batch)


def batches_of_looks(
    operator: SignalsOperator[V], ids: Iterable[str], settings: VisionSettings
) -> Iterator[list[Look[V]]]:
    """Load, decode and measure images in this process's decoding processes.

    Args:
        operator: opened; its networks are not asked.
        ids: image ids.
        settings: batch size and decoding processes.

    Yields:
        Looks in the ids' order, a batch at a time, as they become ready.
    """
    ahead = settings.batch_size + 2 * settings.workers
    with ThreadPoolExecutor(settings.workers, "signals") as threads:
        looks = _in_order(threads, operator.look, ids, ahead)
        while batch := list(islice(looks, settings.batch_size)):
            yield batch


def _in_order(
    threads: ThreadPoolExecutor,
    work: Callable[[str], Look[V]],
    items: Iterable[str],
    ahead: int,
) -> Iterator[Look[V]]:
    """Yield the results of work in the items' order, at most ``ahead`` of them begun early."""
    remaining = iter(items)
    begun: deque[Future[Look[V]]] = deque()
    try:
        for item in islice(remaining, ahead):
            begun.append(threads.submit(work, item))
        while begun:
            outcome = begun.popleft().result()
            for item in islice(remaining, 1):
                begun.append(threads.submit(work, item))
            yield outcome
    finally:
        for future in begun:
            future.cancel()
