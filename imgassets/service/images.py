"""Pictures for the pages: by image id and size alone, drawn anew from the stored file."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import anyio
from fastapi import APIRouter, Request, Response

from imgassets.ingest.store import ImageMissing, ImageStore
from imgassets.settings import VisionSettings
from imgassets.vision.decode import Undecodable
from imgassets.vision.drawing import draw, request
from imgassets.vision.guard import GuardedPool, WorkerLimits
from imgassets.warehouse.contracts import IMAGE_ID

SIDES = (160, 320, 1200)
"""Pixels of the longer side that pictures are drawn at: thumbnail, neighbour, and to look at."""

_KEPT = 512
"""Pictures kept in memory: some 60 MB where a large one takes 120 kB."""

_WORKERS = 2
"""Drawing processes: pages ask for one large picture at a time, and ahead of the reviewer."""

_FOREVER = "private, max-age=31536000, immutable"

_ASKED_AGAIN = "private, no-cache"
"""Of review photos: one that is forgotten must not stay on pages."""

_PLACEHOLDER = (Path(__file__).parent / "static" / "no-picture.svg").read_bytes()


class NoPicture(Exception):
    """There is nothing to show for this image; the message says why."""


class Pictures:
    """Draws the store's images at a few sizes and keeps the latest ones.

    Args:
        store: the image store.
        settings: time and memory that drawing one picture may take.
    """

    def __init__(self, store: ImageStore, settings: VisionSettings) -> None:
        self._store = store
        self._pool: GuardedPool[bytes | Undecodable] = GuardedPool(
            draw, _WORKERS, WorkerLimits(settings.image_seconds, settings.worker_memory_mib)
        )
        self._keep = functools.lru_cache(_KEPT)(self._draw)

    def close(self) -> None:
        """End the drawing processes."""
        self._pool.close()

    def webp(self, image_id: str, side: int) -> bytes:
        """Return an image as WebP, its longer side at most ``side`` pixels; thread-safe.

        Raises:
            NoPicture: the store does not hold it, or it is no picture that can be drawn.
        """
        # What was drawn once may have been forgotten since.
        if not self._store.exists(image_id):
            raise NoPicture(f"image {image_id} is not in the store")
        return self._keep(image_id, side)

    def _draw(self, image_id: str, side: int) -> bytes:
        try:
            drawn = self._pool.call(request(self._store.get(image_id), side))
        except ImageMissing as error:
            raise NoPicture(str(error)) from error
        if isinstance(drawn, bytes):
            return drawn
        raise NoPicture(f"{drawn.rule_id}: {drawn.detail}")


router = APIRouter()


@router.get("/images/{image_id}/{side}", include_in_schema=False)
async def picture(image_id: str, side: str, asked: Request) -> Response:
    """Return a picture of a product image, or a placeholder with status 404.

    Anything but 64 hexadecimal digits and a known size is answered before a path is made of it.
    """
    return await _answer(image_id, side, asked, _FOREVER)


@router.get("/review-photos/{image_id}/{side}", include_in_schema=False)
async def review_photo(image_id: str, side: str, asked: Request) -> Response:
    """Return a picture of a review photo likewise; browsers ask each time whether it is there."""
    return await _answer(image_id, side, asked, _ASKED_AGAIN)


async def _answer(image_id: str, side: str, asked: Request, kept: str) -> Response:
    sizes = {str(size): size for size in SIDES}
    if not re.fullmatch(IMAGE_ID, image_id) or side not in sizes:
        return _placeholder()
    # An id is a hash of the bytes: what was once sent for it is right for ever.
    etag = f'"{image_id}-{side}"'
    headers = {"ETag": etag, "Cache-Control": kept}
    is_known = etag in asked.headers.get("if-none-match", "")
    if is_known and kept == _FOREVER:
        return Response(status_code=304, headers=headers)
    state = asked.app.state
    try:
        # Slow files wait for one another here, not in the threads that take answers.
        data = await anyio.to_thread.run_sync(
            state.pictures.webp, image_id, sizes[side], limiter=state.drawing_threads
        )
    except NoPicture:
        return _placeholder()
    if is_known:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="image/webp", headers=headers)


def _placeholder() -> Response:
    return Response(_PLACEHOLDER, 404, {"Cache-Control": "no-store"}, media_type="image/svg+xml")
