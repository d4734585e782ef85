"""Boundaries in files that pillow writes and the project's own code measures."""

from __future__ import annotations

import math
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from imgassets.ingest.probe import Probe, probe
from imgassets.settings import FetchSettings
from imgassets.vision.signals import measure
from tests.marketplaces.conftest import Judge

LIMITS = FetchSettings(max_pixels=10**9)


def blank(mode: str, width: int, height: int) -> Image.Image:
    return Image.new(mode, (width, height))


def encode(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def gif(frames: int) -> bytes:
    shades = [Image.new("L", (600, 600), 40 * n) for n in range(frames)]
    return encode(shades[0], "GIF", save_all=True, append_images=shades[1:])


def png_of(size: int) -> bytes:
    """Return a stored (not compressed) PNG of exactly ``size`` bytes."""
    side = math.isqrt((size - 20_000) // 3)
    picture = blank("RGB", side, side)
    padded = PngImagePlugin.PngInfo()
    shortfall = size - len(encode(picture, "PNG", compress_level=0))
    padded.add(b"paDd", bytes(shortfall - 12))  # a chunk has 12 bytes around its content
    return encode(picture, "PNG", compress_level=0, pnginfo=padded)


def png16() -> bytes:
    return encode(Image.fromarray(np.zeros((600, 600), np.uint16)), "PNG")


FILES = {
    "google_min_size": (
        lambda: encode(blank("RGB", 100, 140), "JPEG"),
        lambda: encode(blank("RGB", 140, 99), "JPEG"),
    ),
    "google_max_pixels": (
        lambda: encode(blank("1", 8_000, 8_000), "PNG"),
        lambda: encode(blank("1", 8_001, 8_000), "PNG"),
    ),
    "google_max_bytes": (lambda: png_of(16_000_000), lambda: png_of(16_000_001)),
    "google_still": (lambda: gif(1), lambda: gif(2)),
    "amazon_min_side": (
        lambda: encode(blank("RGB", 20, 500), "PNG"),
        lambda: encode(blank("RGB", 499, 499), "PNG"),
    ),
    "amazon_max_side": (
        lambda: encode(blank("L", 10_000, 2), "PNG"),
        lambda: encode(blank("L", 10_001, 2), "PNG"),
    ),
    "amazon_zoom": (
        lambda: encode(blank("L", 1_000, 20), "TIFF"),
        lambda: encode(blank("L", 999, 20), "TIFF"),
    ),
    "amazon_format": (
        lambda: encode(blank("RGB", 600, 600), "TIFF"),
        lambda: encode(blank("RGB", 600, 600), "WEBP"),
    ),
    "amazon_still": (lambda: gif(1), lambda: gif(2)),
    "walmart_format": (
        lambda: encode(blank("RGB", 600, 600), "BMP"),
        lambda: encode(blank("RGB", 600, 600), "TIFF"),
    ),
    "walmart_max_bytes": (lambda: png_of(5_000_000), lambda: png_of(5_000_001)),
    "walmart_colour": (
        lambda: encode(blank("RGB", 600, 600), "JPEG"),
        lambda: encode(blank("CMYK", 600, 600), "JPEG"),
    ),
    "walmart_bit_depth": (lambda: encode(blank("L", 600, 600), "PNG"), png16),
    "walmart_size": (
        lambda: encode(blank("L", 2_200, 2_200), "PNG"),
        lambda: encode(blank("L", 2_200, 2_199), "PNG"),
    ),
    "walmart_zoom": (
        lambda: encode(blank("L", 1_500, 1_500), "PNG"),
        lambda: encode(blank("L", 1_499, 1_500), "PNG"),
    ),
    "walmart_square": (
        lambda: encode(blank("RGB", 600, 600), "JPEG"),
        lambda: encode(blank("RGB", 600, 601), "JPEG"),
    ),
}


@pytest.mark.parametrize("rule_id", FILES)
def test_a_file_on_the_boundary_passes_and_the_next_fails(rule_id: str, judge: Judge) -> None:
    for make, expected in zip(FILES[rule_id], ("pass", "fail"), strict=True):
        found = probe(make(), LIMITS)
        assert isinstance(found, Probe), found
        rows = judge(
            format=found.format,
            width=found.width,
            height=found.height,
            byte_size=found.byte_size,
            mode=found.mode,
            bit_depth=found.bit_depth,
            frames=found.frames,
        )
        assert rows.filter(rule_id=rule_id)["status"].to_list() == [expected]


@pytest.mark.parametrize(("spots", "expected"), [(7, "pass"), (8, "fail")])
def test_seven_border_pixels_of_784_may_be_off_white(
    spots: int, expected: str, judge: Judge
) -> None:
    """The border of 100 × 100 pixels is 2 wide: 7 of 784 are 0.9 %, 8 are 1.02 %."""
    picture = np.full((100, 100, 3), 255, np.uint8)
    picture[15:85, 15:85] = 90
    picture[0, :spots] = (255, 255, 254)
    rows = judge(background_pure_white=measure(picture).background_pure_white)
    assert rows.filter(rule_id="amazon_background")["status"].to_list() == [expected]


@pytest.mark.parametrize(("side", "expected"), [(109, "pass"), (108, "fail")])
def test_an_object_of_109_of_128_pixels_fills_the_frame(
    side: int, expected: str, judge: Judge
) -> None:
    """109 ÷ 128 is 0.852, 108 ÷ 128 is 0.844; the width does not matter."""
    picture = np.full((128, 128, 3), 255, np.uint8)
    for row in range(side):  # a lamp's shade: a solid rectangle may be a padded photo instead
        picture[10 + row, 60 - row // 4 : 68 + row // 4] = (90, 60, 30)
    rows = judge(object_extent=measure(picture).object_extent)
    assert rows.filter(rule_id="amazon_object_extent")["status"].to_list() == [expected]


def test_jpeg_noise_around_the_object_leaves_the_border_white(judge: Judge) -> None:
    rng = np.random.default_rng(0)
    picture = np.full((500, 500, 3), 255, np.uint8)
    picture[30:470, 30:470] = rng.integers(0, 256, (440, 440, 3), np.uint8)
    data = encode(Image.fromarray(picture), "JPEG", quality=60)
    decoded = np.asarray(Image.open(BytesIO(data)))
    assert (decoded[:30] != 255).any()
    rows = judge(background_pure_white=measure(decoded).background_pure_white)
    assert rows.filter(rule_id="amazon_background")["status"].to_list() == ["pass"]
