"""Matching the tones of two pictures that lie over each other, as far as a copy may differ."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_GAIN = (0.65, 1.54)
"""Least and most contrast, and saturation, of one picture against the other."""

_BRIGHTNESS, _TINT = 35.0, 10.0
"""Most difference of a middle gray's luma, and of each chroma channel, in gray levels: a copy is
not toned further, and a black shirt is no copy of a gray one."""

_MIDDLE = 128.0

_WHOLE = (2.0, 252.0)
"""Luma between which a pixel was not cut off: one that was may have been any lighter, or darker."""

_ENOUGH = 0.1
"""Share of pixels that must not be cut off for the fit to be made on them alone."""

_KEPT = 0.7
"""Share of the pixels that the fit is made on: those that agree best. What differs is no evidence
of how the rest was toned."""

_LEVELS = 16
"""Levels of luma that the fit is evened over."""

_STEP = 3
"""Every third pixel, both ways, is enough for five numbers."""

_CUT = 2.0
"""Gray levels that the range must lose for pictures to have lost tones."""

_NEAR = 24.0
"""Gray levels from the range's end within which chroma is not to be trusted then."""


class Tones(NamedTuple):
    """What turns one picture's tones into the other's.

    Attributes:
        gain: factor of luma.
        offset: added to luma, gray levels.
        saturation: factor of both chroma channels.
        tint: added to them, float [2], gray levels.
    """

    gain: float
    offset: float
    saturation: float
    tint: np.ndarray


def match_tones(
    target: np.ndarray, source: np.ndarray, mask: np.ndarray
) -> tuple[Tones, np.ndarray, np.ndarray]:
    """Give a picture the tones of another.

    A least-squares fit of gain and offset, three times on the pixels that agreed best so far. Hues
    are never turned and no channel is fitted alone: a red shirt must not become a blue one.

    Args:
        target: Y, Cr, Cb with chroma around zero, float32, height × width × 3.
        source: likewise, registered to it.
        mask: bool, height × width: where both are.

    Returns:
        The tones found (within limits: those of copies), the target, and the source with them.
        Where a picture was lightened until its whites were all alike, nobody knows what they were:
        both are cut to the range that both can show, and near its ends have the same chroma.
    """
    some = mask[::_STEP, ::_STEP]
    first, second = target[::_STEP, ::_STEP][some], source[::_STEP, ::_STEP][some]
    both = np.stack([first[:, 0], second[:, 0]])
    whole = np.all((both > _WHOLE[0]) & (both < _WHOLE[1]), axis=0)
    if np.count_nonzero(whole) <= _ENOUGH * len(whole):
        whole[:] = True
    tones = Tones(1.0, 0.0, 1.0, np.zeros(2, np.float32))
    weight = _evened(second[:, 0])
    kept = np.ones(len(first), bool)
    for _ in range(3):
        if np.count_nonzero(kept & whole) < 8:
            break
        tones = _fit(first[kept], second[kept], weight[kept], whole[kept])
        error = np.abs(_apply(tones, second) - first) @ np.array([1.0, 2.0, 2.0], np.float32)
        order = np.argsort(error, kind="stable")
        kept = np.zeros(len(first), bool)
        kept[order[np.cumsum(weight[order]) <= _KEPT * weight.sum()]] = True
    return tones, *_within_range(tones, target, _apply(tones, source))


def _evened(luma: np.ndarray) -> np.ndarray:
    """Weigh pixels so that a white background, most of many pictures, is not all that is fitted."""
    level = (luma * (_LEVELS / 256.0)).astype(np.intp).clip(0, _LEVELS - 1)
    counts = np.bincount(level, minlength=_LEVELS)
    return np.asarray(1.0 / np.sqrt(counts[level]), np.float32)


def _fit(first: np.ndarray, second: np.ndarray, weight: np.ndarray, whole: np.ndarray) -> Tones:
    """Fit luma on pixels that were not cut off, chroma on all: white has none in any light."""
    share = weight * whole / (weight * whole).sum()
    middle, other = share @ first[:, 0], share @ second[:, 0]
    here, there = first[:, 0] - middle, second[:, 0] - other
    # The constants hold gain and saturation at 1 where there is no contrast to fit them on.
    gain = _ratio(float(share @ (here * there)), float(share @ (there * there)), 25.0)
    share = weight / weight.sum()
    chroma, other_chroma = share @ first[:, 1:], share @ second[:, 1:]
    here, there = first[:, 1:] - chroma, second[:, 1:] - other_chroma
    saturation = _ratio(
        float((share @ (here * there)).mean()), float((share @ (there * there)).mean()), 10.0
    )
    # Contrast turns about the middle gray, which brightness moves.
    brightness = middle - gain * other + (gain - 1.0) * _MIDDLE
    offset = float(np.clip(brightness, -_BRIGHTNESS, _BRIGHTNESS) - (gain - 1.0) * _MIDDLE)
    tint = np.clip(chroma - saturation * other_chroma, -_TINT, _TINT)
    return Tones(gain, offset, saturation, tint)


def _ratio(covariance: float, variance: float, prior: float) -> float:
    return float(np.clip((covariance + prior) / (variance + prior), *_GAIN))


def _within_range(
    tones: Tones, target: np.ndarray, source: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    low, high = max(0.0, tones.offset), min(255.0, tones.gain * 255.0 + tones.offset)
    target, source = target.copy(), source.copy()
    lightest = np.maximum(target[..., 0], source[..., 0])
    darkest = np.minimum(target[..., 0], source[..., 0])
    known = np.ones_like(lightest)
    if high < 255.0 - _CUT:
        known = np.minimum(known, (high - lightest) / _NEAR)
    if low > _CUT:
        known = np.minimum(known, (darkest - low) / _NEAR)
    known = np.clip(known, 0.0, 1.0)[..., None]
    source[..., 1:] = target[..., 1:] + known * (source[..., 1:] - target[..., 1:])
    for colours in (target, source):
        np.clip(colours[..., 0], low, high, out=colours[..., 0])
    return target, source


def _apply(tones: Tones, colours: np.ndarray) -> np.ndarray:
    toned = np.empty_like(colours)
    toned[..., 0] = np.clip(tones.gain * colours[..., 0] + tones.offset, 0.0, 255.0)
    toned[..., 1:] = tones.saturation * colours[..., 1:] + tones.tint
    return toned
