"""Thumbnails, each distinct image embedded once as a CSS class."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

from PIL import Image

from imgassets.vision.decode import Undecodable, decode

LARGE, SMALL = 220, 160
"""Pixels of a thumbnail's longer side: large, or small where a page has very many images."""

MANY_IMAGES = 1200
"""More distinct images than this are shown at the small size, to keep the page light."""


def encode_thumbnail(data: bytes, side: int) -> str:
    """Return a WebP data URI of the picture as the models saw it, at most ``side`` pixels long.

    Raises:
        imgassets.vision.decode.Undecodable: the bytes are no whole picture.
    """
    return _data_uri(_thumbnail(data, side))


def _thumbnail(data: bytes, side: int) -> Image.Image:
    picture = Image.fromarray(decode(data))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def _data_uri(picture: Image.Image) -> str:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=76, method=4)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode("ascii")


class ThumbnailSheet:
    """Collects the thumbnails of a page and writes them as one style sheet.

    A picture is fetched and encoded when it is first asked for. One that is not in the store or
    does not decode stays without a class; any other failure of the store is raised.
    """

    def __init__(self, load: Callable[[str], bytes], side: int) -> None:
        self._load = load
        self._side = side
        self._classes: dict[str, str | None] = {}
        self._rules: list[str] = []
        self._sizes: dict[str, tuple[int, int]] = {}

    def css_class(self, image_id: str) -> str | None:
        """Return the CSS class that paints the image, or None where it cannot be shown."""
        if image_id not in self._classes:
            self._classes[image_id] = self._add(image_id)
        return self._classes[image_id]

    def size(self, image_id: str) -> tuple[int, int] | None:
        """Return width and height of an image's thumbnail, or None where it cannot be shown."""
        self.css_class(image_id)
        return self._sizes.get(image_id)

    def css(self) -> str:
        """Return the style sheet: one rule per image that was asked for."""
        return "\n".join(self._rules)

    def _add(self, image_id: str) -> str | None:
        try:
            picture = _thumbnail(self._load(image_id), self._side)
        except (FileNotFoundError, KeyError, MemoryError, Undecodable):
            return None
        self._sizes[image_id] = picture.size
        name = f"p{len(self._rules)}"
        self._rules.append(f'.{name}{{background-image:url("{_data_uri(picture)}")}}')
        return name
