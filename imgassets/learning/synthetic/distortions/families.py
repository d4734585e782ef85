"""The families of distortions by name, and the function that applies one."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from imgassets.learning.synthetic.distortions import detail, light, shape

DISTORTIONS_VERSION = "distortions-1"
"""Raised whenever the picture of any family, severity and seed changes."""


@dataclass(frozen=True)
class Family:
    """One way in which a photo is poor.

    Attributes:
        name: what it is called.
        trained: whether a ranker may learn from it; the others only test what it learnt.
        description: one line for a person.
        apply: (picture, severity, rng) → picture: RGB, uint8, height × width × 3; the picture that
            is given stays as it is. It draws the same numbers at every severity.
    """

    name: str
    trained: bool
    description: str
    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


_ALL = (
    Family("crop_vertical", True, "up to 60 % of the object cut off at the top or the bottom",
           shape.crop_vertical),
    Family("crop_horizontal", True, "up to 60 % of the object cut off at the left or the right",
           shape.crop_horizontal),
    Family("colour_jitter", True, "brightness, contrast, saturation and hue changed at random",
           light.colour_jitter),
    Family("gaussian_blur", True, "even blur", detail.gaussian_blur),
    Family("gaussian_noise", True, "noise in every channel", detail.gaussian_noise),
    Family("greyscale", True, "colours faded, at severity 1 gone", light.greyscale),
    Family("rotation", True, "turned by up to 40°", shape.rotation),
    Family("motion_blur", False, "blur along the path of a shaken camera", detail.motion_blur),
    Family("defocus", False, "blur by a disc: the lens out of focus", detail.defocus),
    Family("jpeg", False, "compressed so hard that blocks show", detail.jpeg),
    Family("darkness", False, "up to four stops too little light, with its noise", light.darkness),
    Family("overexposure", False, "up to 2.6 stops too much light: bright parts burn out",
           light.overexposure),
    Family("low_contrast", False, "a pale veil of haze", light.low_contrast),
    Family("pixelation", False, "reduced to few pixels, each enlarged to a rectangle",
           detail.pixelation),
    Family("colour_cast", False, "coloured light that no white balance corrects",
           light.colour_cast),
    Family("tilt", False, "seen at a slant: converging lines", shape.tilt),
)  # fmt: skip

FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in _ALL})
"""By name; the trained ones first."""

TRAINED: tuple[str, ...] = tuple(family.name for family in _ALL if family.trained)
"""Families of the paper, which a ranker learns from."""

UNSEEN: tuple[str, ...] = tuple(family.name for family in _ALL if not family.trained)
"""Families that no ranker learns from."""


def distort(picture: np.ndarray, family: str, severity: float, seed: int) -> np.ndarray:
    """Distort a picture.

    Args:
        picture: RGB, uint8, height × width × 3; it is never modified.
        family: one of :data:`FAMILIES`.
        severity: above 0 to 1: 1/3 is seen at a glance in a picture 224 pixels long, 1 is plainly
            bad; lengths follow the picture's longer side.
        seed: chooses direction and kind, and varies the amount by up to a tenth; the same arguments
            give the same pixels, and one seed is one distortion that only grows with severity.

    Returns:
        RGB, uint8; crops are smaller, every other family keeps the size.

    Raises:
        ValueError: the family is unknown, the severity is outside its range, or the picture has
            another shape or type.
    """
    if family not in FAMILIES:
        raise ValueError(f"unknown family {family!r}: the known ones are {', '.join(FAMILIES)}")
    if not 0 < severity <= 1:
        raise ValueError(f"severity {severity:g} of {family!r} is not above 0 and at most 1")
    if (
        picture.ndim != 3
        or picture.shape[2] != 3
        or picture.dtype != np.uint8
        or min(picture.shape[:2]) < 2
    ):
        raise ValueError(
            "a picture must be RGB, uint8, height × width × 3, at least 2 × 2 pixels, not "
            f"{picture.dtype} of shape {picture.shape}"
        )
    rng = np.random.default_rng([seed & (2**64 - 1), zlib.crc32(family.encode())])
    made = FAMILIES[family].apply(picture, severity, rng)
    return made.copy() if np.shares_memory(made, picture) else made
