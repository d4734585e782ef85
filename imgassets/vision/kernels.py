"""Loops over pixels that neither OpenCV nor numpy does in one pass, compiled by numba.

Sums are of whole numbers or in a fixed order, so results are the same in every process. Machine
code is kept on disk (numba's cache) where a folder for it can be written; the annotations are for
readers, numba compiles for what it is called with.
"""

# mypy: disable-error-code="assignment, return-value, operator"
# Numpy's scalars stand for machine integers here; numba, not mypy, checks that they fit.

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numba
import numpy as np

Colour = tuple[float, float, float]
"""One value per channel."""

_Kernel = TypeVar("_Kernel", bound=Callable[..., object])


def _compiled(function: _Kernel) -> _Kernel:
    """Compile at the first call; keep the machine code where numba finds a folder for it."""
    try:
        kernel: _Kernel = numba.njit(function, cache=True, nogil=True)
    except RuntimeError:  # There is no folder that a cache can be written to.
        kernel = numba.njit(function, nogil=True)
    return kernel


@_compiled
def border_whites(picture: np.ndarray, thick: int, near_white: int) -> tuple[int, int]:
    """Count a border's pixels (RGB) that are near white, and exactly 255, 255, 255."""
    height, width, _ = picture.shape
    near = pure = 0
    for y in range(height):
        inside = thick <= y < height - thick and 2 * thick < width
        for part in range(2 if inside else 1):
            first = width - thick if part else 0
            for x in range(first, first + thick if inside else width):
                least = min(picture[y, x, 0], picture[y, x, 1], picture[y, x, 2])
                near += least >= near_white
                pure += least == 255
    return near, pure


@_compiled
def border_pixels(picture: np.ndarray, thick: int) -> np.ndarray:
    """Return a border's pixels: pixels × 3, in the order of rows."""
    height, width, _ = picture.shape
    inner = max(0, height - 2 * thick) * max(0, width - 2 * thick)
    ring = np.empty((height * width - inner, 3), np.uint8)
    count = 0
    for y in range(height):
        inside = thick <= y < height - thick and 2 * thick < width
        for part in range(2 if inside else 1):
            first = width - thick if part else 0
            for x in range(first, first + thick if inside else width):
                for c in range(3):
                    ring[count, c] = picture[y, x, c]
                count += 1
    return ring


@_compiled
def commonest_colour(
    pixels: np.ndarray, low: Colour, high: Colour, reach: Colour
) -> tuple[int, Colour]:
    """Find the commonest of some colours: the mean around the fullest cell of colour space.

    Cells are 16 steps wide; in Cr and Cb one has gray in its middle.

    Args:
        pixels: YCrCb, uint8, at most 32,767 pixels × 3.
        low: least value of each channel that a pixel needs to have a say.
        high: largest value.
        reach: per channel, how far around a colour pixels are averaged.

    Returns:
        The number of pixels with a say, and the colour (three floats).
    """
    cells = np.zeros(1 << 14, np.int16)
    fullest = voters = 0
    for k in range(len(pixels)):
        if _is_between(pixels[k, 0], pixels[k, 1], pixels[k, 2], low, high):
            voters += 1
            second = (np.int64(pixels[k, 1]) + 8) >> 4
            third = (np.int64(pixels[k, 2]) + 8) >> 4
            cell = (np.int64(pixels[k, 0]) >> 4 << 10) | (second << 5) | third
            cells[cell] += 1
            if cells[cell] > cells[fullest]:
                fullest = cell
    y, cr, cb = fullest >> 10 << 4, ((fullest >> 5 & 31) << 4) - 8, ((fullest & 31) << 4) - 8
    seed = _mean_between(pixels, (y, cr, cb), (y + 15, cr + 15, cb + 15))
    return voters, _mean_between(pixels, *_around(seed, reach))


@_compiled
def flatness(
    colours: np.ndarray, thick: int, colour: Colour, reach: Colour
) -> tuple[int, int, int, int]:
    """How flat a border is where it has a colour.

    Args:
        colours: YCrCb, uint8, height × width × 3.
        thick: width of the border (pixels).
        colour: the colour.
        reach: per channel, how far from it a pixel may be.

    Returns:
        The number of border pixels that have it, their median distance from it in Y, the median
        range of Y within 3 × 3 pixels around them, and how many of the four corners have it.
    """
    height, width, _ = colours.shape
    distances = np.zeros(256, np.int64)
    low, high = _around(colour, reach)
    ranges = np.zeros(256, np.int64)
    near = 0
    for y in range(height):
        inside = thick <= y < height - thick and 2 * thick < width
        for part in range(2 if inside else 1):
            first = width - thick if part else 0
            for x in range(first, first + thick if inside else width):
                pixel = colours[y, x, 0], colours[y, x, 1], colours[y, x, 2]
                if not _is_between(*pixel, low, high):
                    continue
                near += 1
                distances[round(abs(colours[y, x, 0] - colour[0]))] += 1
                least = most = colours[y, x, 0]
                for v in range(max(0, y - 1), min(height, y + 2)):
                    for u in range(max(0, x - 1), min(width, x + 2)):
                        least = min(least, colours[v, u, 0])
                        most = max(most, colours[v, u, 0])
                ranges[np.int64(most) - np.int64(least)] += 1
    corners = 0
    for y in (0, height - 1):
        for x in (0, width - 1):
            pixel = colours[y, x, 0], colours[y, x, 1], colours[y, x, 2]
            corners += _is_between(*pixel, low, high)
    return near, _quantile(distances, 0.5), _quantile(ranges, 0.5), corners


@_compiled
def _is_between(first: int, second: int, third: int, low: Colour, high: Colour) -> bool:
    return low[0] <= first <= high[0] and low[1] <= second <= high[1] and low[2] <= third <= high[2]


@_compiled
def _around(colour: Colour, reach: Colour) -> tuple[Colour, Colour]:
    """Least and most of each channel around a colour."""
    low = (colour[0] - reach[0], colour[1] - reach[1], colour[2] - reach[2])
    return low, (colour[0] + reach[0], colour[1] + reach[1], colour[2] + reach[2])


@_compiled
def _mean_between(pixels: np.ndarray, low: Colour, high: Colour) -> Colour:
    first = second = third = count = 0
    for k in range(len(pixels)):
        if _is_between(pixels[k, 0], pixels[k, 1], pixels[k, 2], low, high):
            count += 1
            first += pixels[k, 0]
            second += pixels[k, 1]
            third += pixels[k, 2]
    count = max(1, count)
    return first / count, second / count, third / count


@_compiled
def cross_lines(picture: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Luma (ITU-R 601, as OpenCV rounds it) along rows and along columns of an RGB picture.

    Returns:
        Two uint8 arrays, lines × pixels: at most ``most`` rows and ``most`` columns, evenly spaced.
    """
    height, width, _ = picture.shape
    rows = np.empty((min(most, height), width), np.uint8)
    columns = np.empty((min(most, width), height), np.uint8)
    for k in range(len(rows)):
        y = (2 * k + 1) * height // (2 * len(rows))
        for x in range(width):
            rows[k, x] = _luma(picture[y, x, 0], picture[y, x, 1], picture[y, x, 2])
    for y in range(height):
        for k in range(len(columns)):
            x = (2 * k + 1) * width // (2 * len(columns))
            columns[k, y] = _luma(picture[y, x, 0], picture[y, x, 1], picture[y, x, 2])
    return rows, columns


@_compiled
def _luma(red: int, green: int, blue: int) -> int:
    return (9798 * np.int32(red) + 19235 * np.int32(green) + 3735 * np.int32(blue) + 16384) >> 15


@_compiled
def steepness(slope: np.ndarray, contrast: np.ndarray, min_contrast: int, min_pixels: int) -> float:
    """80th percentile of slope ÷ contrast over the strong edges on lines across a picture.

    Args:
        slope: change between a pixel's two neighbours on its line, uint8, lines × pixels.
        contrast: range of tones around the pixel, uint8, one pixel longer at either end.
        min_contrast: least contrast of an edge (gray levels); half of what 2 % of the pixels exceed
            is asked for, if that is more.
        min_pixels: fewer edge pixels are none.

    Returns:
        0 … 1, where 1 is a step from one pixel to the next; -1 where there are too few edges.
    """
    lines, length = slope.shape
    contrasts = np.zeros(256, np.int64)
    for k in range(0, lines, 2):  # Every other line tells enough.
        for x in range(length):
            contrasts[contrast[k, x + 1]] += 1
    strong = max(min_contrast, _quantile(contrasts, 0.98) // 2)
    ratios = np.zeros(256, np.int64)
    for k in range(lines):
        for x in range(length):
            if contrast[k, x + 1] < strong:
                continue
            here = slope[k, x]
            is_crest = True
            for beside in range(max(0, x - 2), min(length, x + 3)):
                is_crest &= slope[k, beside] <= here
            if is_crest:
                ratios[np.int64(here) * 255 // np.int64(contrast[k, x + 1])] += 1
    return -1.0 if ratios.sum() < min_pixels else _quantile(ratios, 0.8) / 255.0


@_compiled
def _quantile(counts: np.ndarray, share: float) -> int:
    """Least value that a share of the counted values do not exceed."""
    wanted = share * counts.sum()
    total = 0
    for value in range(len(counts)):
        total += counts[value]
        if total >= wanted:
            return value
    return len(counts) - 1


@_compiled
def colour_histogram(
    hsv: np.ndarray,
    low: int,
    high: int,
    fine_hue: np.ndarray,
    spread_hue: np.ndarray,
    spread_tone: np.ndarray,
) -> np.ndarray:
    """Histogram over hue, saturation and value; a pixel's hue counts as far as it has one.

    Args:
        hsv: OpenCV's 8-bit HSV (hue 0 … 179), height × width × 3.
        low: product of saturation and value up to which a pixel has no hue.
        high: product from which its hue counts fully.
        fine_hue: each hue's fine bin, int64.
        spread_hue: fine hues × hues, where the counts of a fine hue go.
        spread_tone: 64 × tones, likewise for 8 levels of saturation by 8 of value.

    Returns:
        Shares, float64, hues × tones.
    """
    fine_hues, hues = spread_hue.shape
    tones = spread_tone.shape[1]
    fine = np.zeros((fine_hues, 64), np.int64)
    neutral = np.zeros(64, np.int64)
    for y in range(hsv.shape[0]):
        for x in range(hsv.shape[1]):
            saturation, value = np.int64(hsv[y, x, 1]), np.int64(hsv[y, x, 2])
            tone = (saturation >> 5 << 3) | (value >> 5)
            weight = min(high, max(low, saturation * value)) - low
            fine[fine_hue[hsv[y, x, 0]], tone] += weight
            neutral[tone] += high - low - weight
    merged = np.zeros((hues, tones))
    total = 0.0
    across = np.empty(tones)
    for hue in range(fine_hues):
        across[:] = 0.0
        for tone in range(64):
            mass = fine[hue, tone] + neutral[tone] / fine_hues
            if mass > 0:
                for t in range(tones):
                    across[t] += mass * spread_tone[tone, t]
        for h in range(hues):
            for t in range(tones):
                merged[h, t] += spread_hue[hue, h] * across[t]
    for h in range(hues):
        for t in range(tones):
            total += merged[h, t]
    return merged / total


@_compiled
def entropy(rows: np.ndarray, columns: np.ndarray, levels: np.ndarray) -> float:
    """Entropy (bits) of the tones of two gray pictures together, after a table of 256 levels."""
    counts = np.zeros(256, np.int64)
    for tone in rows.ravel():
        counts[levels[tone]] += 1
    for tone in columns.ravel():
        counts[levels[tone]] += 1
    bits = 0.0
    for count in counts:
        if count:
            share = count / (rows.size + columns.size)
            bits -= share * math.log2(share)
    return bits


@_compiled
def separate(square: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The product rows · square · columns (float64), summed in a fixed order.

    Args:
        square: uint8, m × n.
        rows: float64, a × m.
        columns: float64, n × b.
    """
    size, count = square.shape
    half = np.zeros((rows.shape[0], count))
    for y in range(size):
        for a in range(rows.shape[0]):
            weight = rows[a, y]
            for x in range(count):
                half[a, x] += weight * square[y, x]
    product = np.zeros((rows.shape[0], columns.shape[1]))
    for a in range(rows.shape[0]):
        for x in range(count):
            for b in range(columns.shape[1]):
                product[a, b] += half[a, x] * columns[x, b]
    return product


@_compiled
def bits_over_median(values: np.ndarray) -> int:
    """64 values as bits, the first the highest: whether each is over the median of all."""
    ordered = np.sort(values.ravel())
    median = (ordered[31] + ordered[32]) / 2
    bits = np.uint64(0)
    for value in values.ravel():
        bits = (bits << np.uint64(1)) | np.uint64(value > median)
    return bits


@_compiled
def bits_of_rises(turned: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> int:
    """Whether each of 8 × 9 cells is under its right neighbour: 64 bits, the first the highest.

    Args:
        turned: the transposed picture, uint8, width × height.
        columns: weights that make 9 columns of cells, 9 × width. As in pillow they come first, and
            whole numbers go on from there.
        rows: weights that make 8 rows of cells, height × 8.
    """
    width, height = turned.shape
    wide, tall = columns.shape[0], rows.shape[1]
    cells = np.zeros((wide, tall))
    column = np.empty(height)
    for a in range(wide):
        column[:] = 0.0
        for x in range(width):
            weight = columns[a, x]
            if weight != 0.0:
                for y in range(height):
                    column[y] += weight * turned[x, y]
        for y in range(height):
            tone = min(255.0, max(0.0, np.rint(column[y])))
            for b in range(tall):
                cells[a, b] += tone * rows[y, b]
    bits = np.uint64(0)
    for b in range(tall):
        for a in range(wide - 1):
            rises = np.rint(cells[a, b]) < np.rint(cells[a + 1, b])
            bits = (bits << np.uint64(1)) | np.uint64(rises)
    return bits


@_compiled
def opponent_sums(picture: np.ndarray) -> np.ndarray:
    """Sums, and sums of squares, of red − green and of red + green − 2 · blue (int64)."""
    sums = np.zeros(4, np.int64)
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            red, green = np.int64(picture[y, x, 0]), np.int64(picture[y, x, 1])
            first, second = red - green, red + green - 2 * np.int64(picture[y, x, 2])
            sums[0] += first
            sums[1] += second
            sums[2] += first * first
            sums[3] += second * second
    return sums
