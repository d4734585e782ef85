from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def draw_garment():
    """Return a drawing function: a shaded garment-like shape on a plain background."""

    def draw(side=480, seed=0, background=(255, 255, 255), fill=0.7, texture=6.0, colour=None):
        rng = np.random.default_rng(seed)
        picture = np.full((side, side, 3), background, np.float32)
        half = int(side * np.sqrt(fill) / 2)
        centre = side // 2
        shape = np.zeros((side, side), np.uint8)
        points = rng.uniform(0.55, 1.0, 14) * half
        angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        outline = np.stack([centre + points * np.cos(angles), centre + points * np.sin(angles)], 1)
        outline[[0, 7]] = [[centre + half, centre], [centre - half, centre]]
        cv2.fillPoly(shape, [outline.astype(np.int32)], 1)
        cv2.rectangle(shape, (centre - 20, centre - half), (centre + 20, centre + half), 1, -1)
        rows, columns = np.mgrid[:side, :side] / side
        tone = np.array(colour or rng.uniform(30, 190, 3), np.float32)
        shading = 1 + 0.35 * np.sin(7 * columns + seed) * np.cos(5 * rows + 2 * seed)
        body = tone * shading[..., None] + rng.normal(0, texture, (side, side, 1))
        picture[shape == 1] = body[shape == 1]
        for k in range(4):
            start = (centre - half // 2, centre - half // 2 + k * half // 4)
            cv2.line(picture, start, (centre + half // 2, start[1] + 15 * (seed % 3)), (20,) * 3, 2)
        return np.clip(picture, 0, 255).astype(np.uint8)

    return draw


@pytest.fixture(scope="session")
def encode():
    """Return an encoder: an array or pillow image to the bytes of a file."""

    def to_bytes(picture, format="PNG", **options) -> bytes:
        image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
        out = io.BytesIO()
        image.save(out, format, **options)
        return out.getvalue()

    return to_bytes
