"""Texture of an object: uniform local binary patterns and energies of Gabor filters."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

N_PATTERNS = 59
"""Bins of :func:`local_binary_patterns`."""

ORIENTATIONS = 4
"""Of the Gabor filters: 0°, 45°, 90° and 135°."""

WAVELENGTH = 4.0
"""Of the Gabor filters, in pixels of the map, of the map halved, and so on."""

SCALES = 3
"""Sizes of the map that they are applied to."""

N_TEXTURE = N_PATTERNS + 2 * ORIENTATIONS * SCALES
"""Length of :func:`texture`."""

_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""A pixel's neighbours in a circle: rows and columns from it."""


def texture(gray: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Describe an object's texture.

    Args:
        gray: the object's box of the map, uint8, height × width.
        mask: the object's pixels in it, bool; at least one.

    Returns:
        float32 [:data:`N_TEXTURE`]: :func:`local_binary_patterns`, then :func:`gabor_energies`.
    """
    return np.concatenate([local_binary_patterns(gray, mask), gabor_energies(gray, mask)])


def local_binary_patterns(gray: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Histogram of uniform local binary patterns (Ojala, Pietikäinen and Mäenpää, 2002).

    Each pixel's eight neighbours are compared with it. The 58 patterns with at most two changes
    around the circle have a bin each, all others share the last one.

    Returns:
        float32 [59], shares that sum to 1.
    """
    padded = cv2.copyMakeBorder(gray, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    height, width = gray.shape
    code = np.zeros((height, width), np.uint8)
    for bit, (down, across) in enumerate(_AROUND):
        neighbour = padded[1 + down : 1 + down + height, 1 + across : 1 + across + width]
        code |= (neighbour >= gray).astype(np.uint8) << np.uint8(bit)
    counts = np.bincount(_uniform_bins()[code[mask]], minlength=N_PATTERNS)
    return (counts / counts.sum()).astype(np.float32)


@cache
def _uniform_bins() -> np.ndarray:
    """Return the bin of each of the 256 patterns."""
    bins = np.full(256, N_PATTERNS - 1, np.int64)
    circles = [[(code >> bit) & 1 for bit in range(8)] for code in range(256)]
    uniform = [
        c for c, bits in enumerate(circles) if sum(bits[i] != bits[i - 1] for i in range(8)) <= 2
    ]
    bins[uniform] = np.arange(len(uniform))
    return bins


def gabor_energies(gray: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean and spread of the responses of a bank of Gabor filters (Manjunath and Ma, 1996).

    Lighting is taken out first: values are relative to the object's own mean and spread.

    Returns:
        float32 [2 · scales · orientations]: scales slowest, then orientations, then mean and
        standard deviation of the response's size.
    """
    values = gray.astype(np.float32)
    inside = values[mask]
    values = np.where(mask, (values - inside.mean()) / (inside.std() + 4.0), np.float32(0))
    shown = mask.astype(np.float32)
    found: list[float] = []
    for scale in range(SCALES):
        if scale:
            values, shown = _halved(values), _halved(shown)
        for kernel in _bank():
            response = cv2.filter2D(values, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)
            sizes = np.abs(response)
            mean = np.average(sizes, weights=shown)
            found += [mean, np.sqrt(np.average((sizes - mean) ** 2, weights=shown))]
    return np.array(found, np.float32)


def _halved(values: np.ndarray) -> np.ndarray:
    """Return an array at half its size; one that is a pixel high or wide stays so."""
    height, width = values.shape
    return cv2.resize(values, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)


@cache
def _bank() -> tuple[np.ndarray, ...]:
    """Return the filters, one per orientation; none responds to an even surface."""
    bank = []
    for turn in range(ORIENTATIONS):
        angle = np.pi * turn / ORIENTATIONS
        kernel = cv2.getGaborKernel((9, 9), 0.5 * WAVELENGTH, angle, WAVELENGTH, 1.0, 0.0)
        kernel = kernel.astype(np.float32) - np.float32(kernel.mean())
        bank.append(kernel / np.abs(kernel).sum())
    return tuple(bank)
