"""The backbone's inputs of images, for the one kind of model that needs pixels again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings
    from imgassets.vision.inputs import InputSpec


def load_squares(
    ids: Sequence[str],
    load: Callable[[str], bytes],
    settings: VisionSettings,
    spec: InputSpec,
) -> NDArray[np.uint8]:
    """Decode images in guarded processes and fit them into the backbone's square.

    Args:
        ids: what to load, in this order.
        load: id → the file's bytes; called from several threads.
        settings: processes and their limits.
        spec: the square.

    Returns:
        RGB, uint8 [n, side, side, 3].

    Raises:
        RuntimeError: an image does not decode; all that have signals did once.
    """
    from imgassets.vision.guard import GuardedPool, WorkerLimits
    from imgassets.vision.signals import warm_up
    from imgassets.vision.visit import Visit, visit

    limits = WorkerLimits(settings.image_seconds, settings.worker_memory_mib)
    squares = np.empty((len(ids), spec.side, spec.side, 3), np.uint8)
    with (
        GuardedPool(partial(visit, spec=spec), settings.workers, limits, warm_up) as pool,
        ThreadPoolExecutor(settings.workers) as threads,
    ):
        for place, found in enumerate(threads.map(lambda i: pool.call(load(i)), ids)):
            if not isinstance(found, Visit):
                raise RuntimeError(f"image {ids[place]} does not decode any more: {found.detail}")
            squares[place] = found.square
    return squares
