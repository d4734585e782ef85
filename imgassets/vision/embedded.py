"""The backbone that ships inside the package."""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.vision.inputs import InputSpec

_SIDE = 96


class EmbeddedBackbone:
    """A fixed classical descriptor: shape, texture and colour by place; no weights, no download.

    The whole picture is squeezed to a square of 96 pixels. Its parts, each scaled to length 1, are

    - histograms of oriented gradients: 9 orientations in a 12 × 12 grid of cells, normalised by
      their 3 × 3 neighbourhood (after Dalal and Triggs, 2005),
    - the histogram of uniform local binary patterns in 3 × 3 regions (Ojala et al., 2002),
    - mean and spread of CIELAB in a 6 × 6 grid, and a colour histogram of the whole.
    """

    name = "embedded-1"
    dimension = 144 * 9 + 9 * 10 + 36 * 6 + 64
    input = InputSpec(_SIDE, "squeeze")

    def embed(self, squares: np.ndarray) -> np.ndarray:
        """Embed pictures; see :meth:`Backbone.embed`."""
        if not len(squares):
            return np.empty((0, self.dimension), np.float32)
        return np.stack([_describe(square) for square in squares])


_CELL = 8
_ORIENTATIONS = 9


def _describe(square: np.ndarray) -> np.ndarray:
    """Return the descriptor of one picture: float32, length 1."""
    gray = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY)
    lab = cv2.cvtColor(square.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    lab /= np.array([100.0, 128.0, 128.0], np.float32)
    parts = [(2.0, _oriented_gradients(gray)), (1.0, _binary_patterns(gray)), *_colours(lab)]
    vector = np.concatenate([weight * _unit(part) for weight, part in parts])
    return _unit(vector).astype(np.float32)


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector


def _oriented_gradients(gray: np.ndarray) -> np.ndarray:
    """Histograms of gradient orientation per cell (12 × 12 × 9), contrast-normalised."""
    slope_x = cv2.Sobel(gray, cv2.CV_32F, 1, 0, ksize=1)
    slope_y = cv2.Sobel(gray, cv2.CV_32F, 0, 1, ksize=1)
    strength = np.sqrt(np.sqrt(slope_x * slope_x + slope_y * slope_y))
    place = np.arctan2(slope_y, slope_x) % np.pi * (_ORIENTATIONS / np.pi)
    lower = np.floor(place)
    upper_share = place - lower
    first = lower.astype(np.intp) % _ORIENTATIONS
    cells = _SIDE // _CELL
    rows = np.arange(_SIDE) // _CELL
    base = (rows[:, None] * cells + rows[None, :]) * _ORIENTATIONS
    size = cells * cells * _ORIENTATIONS
    counts = np.bincount(
        (base + first).ravel(), (strength * (1 - upper_share)).ravel(), minlength=size
    ) + np.bincount(
        (base + (first + 1) % _ORIENTATIONS).ravel(),
        (strength * upper_share).ravel(),
        minlength=size,
    )
    grid = counts.reshape(cells, cells, _ORIENTATIONS)
    energy = cv2.blur(np.square(grid).sum(axis=2), (3, 3))
    return (grid / np.sqrt(energy + 1e2)[..., None]).ravel()


def _binary_patterns(gray: np.ndarray) -> np.ndarray:
    """Histograms (9 regions × 10) of rotation-invariant uniform patterns of eight neighbours."""
    centre = gray[1:-1, 1:-1].astype(np.int16) + 2
    steps = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    height, width = centre.shape
    brighter = np.stack([gray[y : y + height, x : x + width] >= centre for y, x in steps])
    changes = np.count_nonzero(brighter != np.roll(brighter, 1, axis=0), axis=0)
    codes = np.where(changes <= 2, np.count_nonzero(brighter, axis=0), 9)
    rows, columns = (np.arange(n) * 3 // n for n in codes.shape)
    regions = rows[:, None] * 3 + columns[None, :]
    counts = np.bincount((regions * 10 + codes).ravel(), minlength=90)
    return np.sqrt(counts.astype(np.float32))


def _colours(lab: np.ndarray) -> list[tuple[float, np.ndarray]]:
    cells = lab.reshape(6, _SIDE // 6, 6, _SIDE // 6, 3)
    layout = np.concatenate([cells.mean((1, 3)).ravel(), cells.std((1, 3)).ravel()])
    levels = np.clip(((lab + np.array([0.0, 0.5, 0.5], np.float32)) * 4).astype(int), 0, 3)
    codes = (levels[..., 0] * 4 + levels[..., 1]) * 4 + levels[..., 2]
    histogram = np.sqrt(np.bincount(codes.ravel(), minlength=64).astype(np.float32))
    return [(1.0, layout), (1.0, histogram)]
