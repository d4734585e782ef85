"""Distortions of light and colour; what happens in a camera is computed in linear light."""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.learning.synthetic.chance import pick, shift

_JITTER = (0.3, 1.0)
"""Strength of colour jitter at severity 0 and 1."""

_GREY = (0.3, 1.0)
"""Share of the colours that greyscale takes away."""

_STOPS_DARK = (1.2, 4.0)
"""Stops (halvings of the light) that darkness takes."""

_STOPS_BRIGHT = (0.8, 2.6)
"""Stops that overexposure adds."""

_FULL_WELL, _READ = 1500.0, 6.0
"""Electrons of a white pixel of a phone's sensor, and deviation of reading one."""

_VEIL = (0.25, 0.78)
"""Share of the light that is haze."""

_CAST = (0.25, 1.0)
"""Strength of a colour cast."""

_LIGHTS = ((1.0, -0.1, -1.5), (-1.1, -0.1, 0.9), (-0.7, 0.55, -0.7), (0.6, -0.8, 0.6))
"""Tungsten, deep shade, fluorescent tubes, and the magenta of a wrong balance: stops by channel."""


def colour_jitter(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast, saturation and hue together, each up or down."""
    signs = np.where(rng.random(4) < 0.5, -1.0, 1.0)
    light, contrast, saturation, hue = (
        shift(*_JITTER, severity) * signs * rng.uniform(0.6, 1.0, 4)
    ).tolist()
    levels = picture.astype(np.float32) * (1 + 0.4 * light)
    centre = levels.mean()
    levels = centre + (levels - centre) * (1 + 0.45 * contrast)
    grey = levels @ _LUMA
    levels = grey[..., None] + (levels - grey[..., None]) * (1 + 0.7 * saturation)
    return _hue_turned(_clipped(levels), 50 * hue)


def greyscale(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Take part of the colours away, at severity 1 all; the same for every seed."""
    share = np.float32(shift(*_GREY, severity))
    grey = (picture.astype(np.float32) @ _LUMA)[..., None]
    return _clipped(picture * (1 - share) + grey * share)


def darkness(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Take light away, and add the noise of the few photons that are left."""
    gain = 2.0 ** -(shift(*_STOPS_DARK, severity) * rng.uniform(0.92, 1.08))
    electrons = _linear(picture) * (gain * _FULL_WELL)
    noise = rng.standard_normal(picture.shape, np.float32) * np.sqrt(electrons + _READ**2)
    return _encoded((electrons + noise) / _FULL_WELL)


def overexposure(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Add light until bright parts burn out."""
    stops = shift(*_STOPS_BRIGHT, severity) * rng.uniform(0.92, 1.08)
    return _encoded(_linear(picture) * np.float32(2.0**stops))


def low_contrast(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Lay a pale veil over the picture: haze, a dirty lens, light that falls into it."""
    share = np.float32(shift(*_VEIL, severity) * rng.uniform(0.95, 1.05))
    veil = rng.uniform(150, 225) + rng.uniform(-8, 8, 3)
    return _clipped(picture * (1 - share) + veil.astype(np.float32) * share)


def colour_cast(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Show the picture under coloured light that no white balance corrects."""
    stops = shift(*_CAST, severity) * np.array(pick(rng, _LIGHTS)) + rng.uniform(-0.08, 0.08, 3)
    return _encoded(_linear(picture) * (2.0**stops).astype(np.float32))


_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def _hue_turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV_FULL)
    turned = hsv[..., 0].astype(np.int16) + round(degrees * 256 / 360)
    hsv[..., 0] = (turned % 256).astype(np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)


def _to_linear() -> np.ndarray:
    level = np.arange(256) / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


_LINEAR = _to_linear().astype(np.float32)


def _linear(picture: np.ndarray) -> np.ndarray:
    """Return the light (0 … 1) of sRGB levels (IEC 61966-2-1)."""
    return _LINEAR[picture]


def _encoded(light: np.ndarray) -> np.ndarray:
    """Return the sRGB levels of light, clipped at 0 and 1."""
    light = np.clip(light, 0, 1)
    level = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return _clipped(level * 255)


def _clipped(levels: np.ndarray) -> np.ndarray:
    return np.clip(levels + 0.5, 0, 255).astype(np.uint8)
