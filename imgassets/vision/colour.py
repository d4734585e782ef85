"""Colour profiles: pictures of any profile to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageCms

MAX_PROFILE_BYTES = 4 * 2**20
"""Larger profiles are taken for broken: those of printing presses have 0.5 to 2.5 MB."""

_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Mode of the pictures that a profile of each colour space is for (ICC.1:2022, 7.2.6)."""


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a picture to RGB in sRGB.

    A profile that is broken, or for another kind of picture, is passed over: the picture is taken
    as sRGB, or as CMYK inks without a profile.

    Args:
        image: of mode RGB, L or CMYK.
        profile: the ICC profile that came with it.

    Returns:
        A picture of mode RGB.
    """
    if profile and len(profile) <= MAX_PROFILE_BYTES:
        transform = _transform(profile, image.mode)
        if transform is not None:
            return transform.apply(image)
    return image.convert("RGB")


# A supplier's pictures share a few profiles, and preparing one takes longer than applying it.
@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the way to sRGB; None where there is none or it changes nothing."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _MODES.get(source.profile.xcolor_space) != mode:
            return None
        if (source.profile.profile_description or "").startswith("sRGB"):
            return None
        return ImageCms.buildTransform(source, _srgb(), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
