"""How, and where, two pictures differ once one lies over the other."""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.selection.pairs.photometry import Tones, match_tones
from imgassets.selection.pairs.record import MEASURES, WINDOWS, PairMeasures, PictureBox
from imgassets.selection.pairs.registration import (
    Registration,
    reduce_for_comparison,
    register,
)

_QUANTILES = (0.5, 0.9, 0.97)

_CONTRAST = 40.0
"""Variance (gray levels²) that structure is measured against: below it there is only noise."""

_EDGE = 24.0
"""Gradient (gray levels) from which an edge counts as content."""

_FLAT = 3.0
"""Standard deviation (gray levels) up to which a picture shows nothing at all."""

_COLOURLESS = 0.02
"""Mean difference between the channels (gray levels) up to which a picture is a grayscale file. A
colour photo of a white thing on white has more: its colour has a say."""

_SQUARE_3 = np.ones((3, 3), np.uint8)

_SEAM = np.ones((9, 9), np.uint8)
"""What re-encoding smears over the seam of a picture and its padding."""

_MARGIN = 16
"""Gray levels up to which a row or column is plain."""


def measure_pair(left: np.ndarray, right: np.ndarray) -> PairMeasures:
    """Register two pictures and measure what is left of their difference.

    Tones are matched first (:mod:`imgassets.selection.pairs.photometry`), so that a lighter or
    warmer copy is a copy while another colour of one part is a difference. Differences of a pixel's
    shift do not count: what re-encoding and resampling do to edges. The rest is averaged in windows
    of three sizes: a stylus is a strong difference in a small window, a rotated copy a weak one
    everywhere, so the strongest window is compared with the usual one. Where one picture is a
    grayscale file, colour has no say.

    Args:
        left: RGB, uint8, of any size.
        right: likewise.
    """
    left, right = reduce_for_comparison(left), reduce_for_comparison(right)
    if _is_colourless(left) != _is_colourless(right):
        left, right = _without_colour(left), _without_colour(right)
    blank = _is_blank(left), _is_blank(right)
    if any(blank):
        return _with_a_blank(left, right, both=all(blank))
    laid = register(left, right)
    first, second = _opponent(laid.left), _opponent(laid.right)
    mask = cv2.erode(laid.overlap.astype(np.uint8), _SEAM, borderValue=0)
    if not mask.any():
        mask = np.ones_like(mask)
    tones, first, second = match_tones(first, second, mask > 0)
    evidence = np.zeros(mask.shape, np.float32)
    values = _of_registration(laid, tones)
    maps = _maps(first, second, mask)
    for window in WINDOWS:
        values += _in_windows(maps, mask, max(3, round(max(mask.shape) / window) | 1), evidence)
    left_box, right_box = _boxes(laid, evidence * mask)
    return PairMeasures(np.array(values, np.float32), left_box, right_box, False, 0.0)


def _is_colourless(picture: np.ndarray) -> bool:
    channels = picture.astype(np.int16)
    return float(np.ptp(channels, axis=2).mean()) <= _COLOURLESS


def _without_colour(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _is_blank(picture: np.ndarray) -> bool:
    return float(picture.reshape(-1, 3).std(axis=0).max()) <= _FLAT


def _with_a_blank(left: np.ndarray, right: np.ndarray, *, both: bool) -> PairMeasures:
    """Compare mean colours; of a picture and a blank one, only one shows anything."""
    whole = PictureBox(0.0, 0.0, 1.0, 1.0)
    apart = float(np.abs(left.mean(axis=(0, 1)) - right.mean(axis=(0, 1))).max())
    nothing = np.zeros(len(MEASURES), np.float32)
    return PairMeasures(nothing, whole, whole, True, apart if both else 255.0)


def _opponent(picture: np.ndarray) -> np.ndarray:
    """Return Y, Cr, Cb (ITU-R 601), float32, chroma around zero, smoothed by less than a pixel."""
    colours = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    colours[..., 1:] -= 128.0
    return cv2.GaussianBlur(colours, (0, 0), 0.8)


def _of_registration(laid: Registration, tones: Tones) -> list[float]:
    before, stretch, after = np.linalg.svd(laid.matrix[:, :2])
    turn = before @ after
    return [
        laid.correlation,
        abs(float(np.log(tones.gain))),
        abs(tones.offset),
        abs(float(np.log(tones.saturation))),
        float(np.abs(tones.tint).sum()),
        _content_outside(laid.left, laid.overlap),
        _content_outside(laid.unmoved, laid.reached),
        1.0 - float(laid.overlap.mean()),
        1.0 - float(laid.reached.mean()),
        float(np.log(stretch[0] / stretch[1])),
        abs(float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))),
    ]


def _content_outside(picture: np.ndarray, inside: np.ndarray) -> float:
    """Share (0 … 1) of a picture's edges that the other picture does not reach.

    Margins, and the seam between a picture and its padding, are no content.
    """
    inside = cv2.dilate(inside.astype(np.uint8), _SEAM) > 0
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    across = cv2.Sobel(gray, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    edges = np.minimum(np.abs(across) + np.abs(down), 200.0)
    edges[edges < _EDGE] = 0.0
    edges *= _within_margins(gray)
    # A picture that is almost without edges has almost nothing to lose.
    return float(edges[~inside].sum() / (edges.sum() + 1000.0))


def _within_margins(gray: np.ndarray) -> np.ndarray:
    """Mask (0 or 1) of a gray picture without its plain margins, and without the seam inside."""
    mask = np.zeros_like(gray)
    used = [np.flatnonzero(np.ptp(gray, axis=axis) > _MARGIN) for axis in (1, 0)]
    if all(len(lines) for lines in used):
        (top, bottom), (left, right) = ((lines[0], lines[-1] + 1) for lines in used)
        mask[top:bottom, left:right] = 1
    return cv2.erode(mask, _SEAM, borderValue=0)


def _beyond_a_pixel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Difference that no shift by one pixel explains, whichever of the two is shifted."""
    low, high = cv2.erode(second, _SQUARE_3), cv2.dilate(second, _SQUARE_3)
    one = np.maximum(low - first, first - high)
    low, high = cv2.erode(first, _SQUARE_3), cv2.dilate(first, _SQUARE_3)
    return np.maximum(np.maximum(one, np.maximum(low - second, second - high)), 0.0)


def _maps(first: np.ndarray, second: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Stack what windows are averaged over: float32, height × width × 10, zero off the mask."""
    beyond = _beyond_a_pixel(first, second)
    luma, other = first[..., 0], second[..., 0]
    chroma = first[..., 1:] - second[..., 1:]
    channels = (
        beyond[..., 0], np.maximum(beyond[..., 1], beyond[..., 2]),
        chroma[..., 0], chroma[..., 1], luma, other,
        luma * luma, other * other, luma * other, np.ones_like(luma),
    )  # fmt: skip
    return np.dstack(channels) * (mask > 0)[..., None]


def _in_windows(maps: np.ndarray, mask: np.ndarray, side: int, evidence: np.ndarray) -> list[float]:
    """Average in square windows and describe each kind of difference; adds to the evidence."""
    means = cv2.boxFilter(maps, -1, (side, side), borderType=cv2.BORDER_CONSTANT)
    # A window that hardly overlaps the mask says little.
    means = means / np.maximum(means[..., -1:], 0.35)
    edges, colours, red, blue, luma, other, squares, others, products, _ = np.moveaxis(means, 2, 0)
    variance = np.maximum(squares - luma * luma, 0.0)
    other_variance = np.maximum(others - other * other, 0.0)
    shared = products - luma * other
    structure = 1 - (2 * shared + _CONTRAST) / (variance + other_variance + _CONTRAST)
    kinds = (
        edges,
        colours,
        np.abs(luma - other),
        np.hypot(red, blue),
        structure,
        np.abs(np.log((variance + _CONTRAST) / (other_variance + _CONTRAST))),
        np.sqrt(np.maximum(variance, other_variance)) * structure,
    )
    evidence += 0.25 * kinds[6] + kinds[0] + kinds[3] + 0.5 * kinds[2]
    step = max(1, side // 4)
    seen = mask[::step, ::step] > 0
    if not seen.any():
        seen = np.ones_like(seen)
    samples = np.stack([kind[::step, ::step][seen] for kind in kinds])
    median, q90, q97 = np.quantile(samples, _QUANTILES, axis=1)
    most = samples.max(axis=1)
    return np.stack([median, q90, q97, most, most / (median + 1.0)], axis=1).ravel().tolist()


def _boxes(laid: Registration, evidence: np.ndarray) -> tuple[PictureBox, PictureBox]:
    """Return the box of the strongest difference in both pictures.

    It is the connected part, around the strongest place, with at least half of its evidence. Where
    most content of one picture lies outside the other, that part is the difference: the box is then
    what the other one shows.
    """
    height, width = evidence.shape
    most = float(evidence.max())
    _, _, _, place = cv2.minMaxLoc(evidence)
    parts, labels = cv2.connectedComponents((evidence >= 0.5 * most).astype(np.uint8))
    part = labels[place[1], place[0]] if parts > 1 else 0
    x, y, w, h = cv2.boundingRect((labels == part).astype(np.uint8))
    left_box = _clipped(x / width, y / height, (x + w) / width, (y + h) / height)
    corners = np.array([[x, y], [x + w, y], [x, y + h], [x + w, y + h]], np.float64) - 0.5
    there = corners @ laid.matrix[:, :2].T + laid.matrix[:, 2] + 0.5
    to_height, to_width = laid.unmoved.shape[:2]
    low, high = there.min(axis=0), there.max(axis=0)
    right_box = _clipped(
        low[0] / to_width, low[1] / to_height, high[0] / to_width, high[1] / to_height
    )
    return left_box, right_box


def _clipped(left: float, top: float, right: float, bottom: float) -> PictureBox:
    x, y = min(max(left, 0.0), 1.0), min(max(top, 0.0), 1.0)
    return PictureBox(
        round(y, 4),
        round(x, 4),
        round(min(max(bottom, y), 1.0) - y, 4),
        round(min(max(right, x), 1.0) - x, 4),
    )
