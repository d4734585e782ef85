"""The inference engine: image bytes in, frames of signals and refusals out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import polars as pl

from imgassets.vision.backbones import Backbone, load_backbone, signals_version
from imgassets.vision.decode import Undecodable, decode
from imgassets.vision.signals import Signals, measure

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

SIGNALS_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "image_id": pl.String,
    "signals_version": pl.String,
    "phash": pl.String,
    "dhash": pl.String,
    "object_phash": pl.String,
    "edge_dhash": pl.String,
    "hsv_histogram": pl.List(pl.Float32),
    "sharpness": pl.Float32,
    "foreground_fraction": pl.Float32,
    "background_whiteness": pl.Float32,
    "detail": pl.Float32,
    "colourfulness": pl.Float32,
    "embedding": pl.List(pl.Float32),
}
"""Columns of a frame of signals: those of the table, without the partition's."""

REFUSED_SCHEMA: dict[str, type[pl.DataType]] = dict.fromkeys(
    ("image_id", "rule_id", "measured", "limit", "detail"), pl.String
)
"""Columns of a frame of refused images."""


class Refusal(NamedTuple):
    """One image that no signals can be computed for."""

    image_id: str
    rule_id: str
    measured: str
    limit: str
    detail: str


class SignalsResult(NamedTuple):
    """What became of a set of images, both frames sorted by ``image_id``."""

    signals: pl.DataFrame
    refused: pl.DataFrame


class _Seen(NamedTuple):
    image_id: str
    picture: np.ndarray
    signals: Signals


class ImageSignalsOperator:
    """Computes signals batch by batch; the backbone is loaded once, at construction.

    One instance per process is meant to live as long as the process: in a loop
    (:func:`compute_signals`) or as an actor of any engine that maps batches.
    """

    def __init__(self, settings: VisionSettings) -> None:
        cv2.setNumThreads(1)
        self.version = signals_version(settings)
        self.backbone: Backbone = load_backbone(settings)

    def __call__(self, batch: list[tuple[str, bytes]]) -> tuple[pl.DataFrame, list[Refusal]]:
        """Compute the signals of one batch.

        Args:
            batch: pairs of an image id and the file's bytes.

        Returns:
            A frame of :data:`SIGNALS_SCHEMA` for the images that decode, and the refusals.
        """
        outcomes = [self.look(image_id, data) for image_id, data in batch]
        return self.finish(outcomes)

    def look(self, image_id: str, data: bytes) -> _Seen | Refusal:
        """Decode one image and measure it; safe to call from many threads."""
        try:
            picture = decode(data)
        except Undecodable as why:
            return Refusal(image_id, why.rule_id, why.measured, why.limit, why.detail)
        return _Seen(image_id, picture, measure(picture))

    def finish(self, outcomes: Sequence[_Seen | Refusal]) -> tuple[pl.DataFrame, list[Refusal]]:
        """Embed what :meth:`look` saw in one forward pass, and make a frame of it."""
        seen = [outcome for outcome in outcomes if isinstance(outcome, _Seen)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
        embeddings = self.backbone.embed([one.picture for one in seen])
        columns: dict[str, object] = {
            "image_id": [one.image_id for one in seen],
            "signals_version": [self.version] * len(seen),
        }
        for name in Signals._fields:
            columns[name] = [getattr(one.signals, name) for one in seen]
        columns["embedding"] = embeddings.tolist()
        return pl.DataFrame(columns, schema=SIGNALS_SCHEMA), refused


def compute_signals(
    ids: Sequence[str],
    load: Callable[[str], bytes],
    settings: VisionSettings,
    progress: Callable[[int], None] | None = None,
    operator: ImageSignalsOperator | None = None,
) -> SignalsResult:
    """Compute the signals of images in this process, on all its cores.

    Threads load, decode and measure (the libraries release Python's lock), a bounded number of
    images ahead of the backbone, which runs batch by batch in the calling thread.

    Args:
        ids: image ids; repeats are computed once.
        load: returns an image's bytes; called from threads. What it raises ends the computation.
        settings: backbone, batch size and number of threads.
        progress: called in the calling thread with the number of images each batch finished.
        operator: a loaded operator to use again; by default one is made.

    Returns:
        The signals and the refused images, both sorted by ``image_id`` and independent of the order
        of ``ids`` and of the number of threads.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return SignalsResult(
            pl.DataFrame(schema=SIGNALS_SCHEMA), pl.DataFrame(schema=REFUSED_SCHEMA)
        )
    operator = operator or ImageSignalsOperator(settings)
    look = operator.look
    frames: list[pl.DataFrame] = []
    refused: list[Refusal] = []
    ahead = settings.batch_size + 2 * settings.workers
    with ThreadPoolExecutor(settings.workers, "signals") as pool:
        outcomes = _in_order(pool, lambda image_id: look(image_id, load(image_id)), wanted, ahead)
        while batch := list(islice(outcomes, settings.batch_size)):
            frame, refusals = operator.finish(batch)
            frames.append(frame)
            refused += refusals
            if progress is not None:
                progress(len(batch))
    return SignalsResult(
        pl.concat(frames),
        pl.DataFrame(refused, schema=REFUSED_SCHEMA, orient="row"),
    )


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[str], _Seen | Refusal],
    items: Iterable[str],
    ahead: int,
) -> Iterator[_Seen | Refusal]:
    """Yield the results of work in the items' order, at most ``ahead`` of them begun early."""
    remaining = iter(items)
    begun: deque[Future[_Seen | Refusal]] = deque()
    try:
        for item in islice(remaining, ahead):
            begun.append(pool.submit(work, item))
        while begun:
            outcome = begun.popleft().result()
            for item in islice(remaining, 1):
                begun.append(pool.submit(work, item))
            yield outcome
    finally:
        for future in begun:
            future.cancel()
