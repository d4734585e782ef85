"""Small pictures of stored images, for where a page cannot ask the service for them."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from imgassets.ingest.store import ImageMissing, ImageStore
from imgassets.settings import VisionSettings

_WORKERS = 2
"""Drawing processes: a run asks for a few dozen pictures."""


def draw_thumbnails(
    store: ImageStore, image_ids: Iterable[str], side: int, settings: VisionSettings
) -> dict[str, str]:
    """Return images as data URIs (WebP), drawn anew in guarded processes.

    Args:
        store: where the images are.
        image_ids: which ones.
        side: pixels of the longer side, at most.
        settings: time and memory that drawing one picture may take.

    Returns:
        Data URI by image id. One that the store does not have or that does not decode is left out.
    """
    from imgassets.vision.drawing import draw, request
    from imgassets.vision.guard import GuardedPool, WorkerLimits

    wanted = sorted(set(image_ids))
    if not wanted:
        return {}
    limits = WorkerLimits(settings.image_seconds, settings.worker_memory_mib)
    with (
        GuardedPool(draw, _WORKERS, limits) as pool,
        ThreadPoolExecutor(_WORKERS) as threads,
    ):

        def drawn(image_id: str) -> bytes | None:
            try:
                found = pool.call(request(store.get(image_id), side))
            except (ImageMissing, OSError):
                return None
            return found if isinstance(found, bytes) else None

        pictures = dict(zip(wanted, threads.map(drawn, wanted), strict=True))
    return {
        image_id: "data:image/webp;base64," + base64.b64encode(picture).decode("ascii")
        for image_id, picture in pictures.items()
        if picture is not None
    }
