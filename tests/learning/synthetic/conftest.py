from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image


def draw_product(height=320, width=260, seed=0, background=(255, 255, 255)) -> np.ndarray:
    """Draw a sharp, shaded, patterned garment on a plain background."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), background, np.float32)
    left, right = round(width * 0.12), round(width * 0.88)
    top, bottom = round(height * 0.08), round(height * 0.92)
    shape = np.zeros((height, width), np.uint8)
    outline = np.array(
        [(left, top + height // 10), (width // 2 - width // 9, top), (width // 2 + width // 9, top),
         (right, top + height // 10), (right - width // 12, bottom), (left + width // 12, bottom)]
    )  # fmt: skip
    cv2.fillPoly(shape, [outline], 1)
    rows, columns = np.mgrid[:height, :width]
    shading = 1 + 0.3 * np.sin(columns / width * 9 + seed) * np.cos(rows / height * 6)
    body = rng.uniform(40, 170, 3) * shading[..., None] + rng.normal(0, 5, (height, width, 1))
    picture[shape == 1] = body[shape == 1]
    for k in range(1, 5):
        y = top + k * (bottom - top) // 5
        cv2.line(picture, (left + width // 10, y), (right - width // 10, y), (25, 20, 20), 2)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def product() -> np.ndarray:
    """Return one picture that no test may change."""
    picture = draw_product()
    picture.setflags(write=False)
    return picture


@pytest.fixture(scope="session")
def products() -> list[np.ndarray]:
    """Return six different pictures of several sizes and backgrounds."""
    grounds = [(255, 255, 255), (244, 244, 242), (255, 255, 255)]
    return [draw_product(300 + 40 * i, 260 + 30 * i, i, grounds[i % 3]) for i in range(6)]


@pytest.fixture(scope="session")
def product_file(product) -> bytes:
    """Return the bytes of a JPEG file of the picture."""
    out = io.BytesIO()
    Image.fromarray(product).save(out, "JPEG", quality=92)
    return out.getvalue()
