from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from imgassets.vision.decode import MAX_PIXELS, WORKING_SIDE, decode
from imgassets.vision.jpeg import decode_jpeg
from imgassets.vision.signals import measure


def fast(data: bytes) -> np.ndarray | None:
    return decode_jpeg(data, WORKING_SIDE, MAX_PIXELS)


def jpeg(image: Image.Image, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95, subsampling=0, **options)
    return stream.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pixels_are_those_of_pillow(draw_garment, mode, options) -> None:
    image = Image.fromarray(draw_garment(300, 1)).convert(mode)
    data = jpeg(image, **options)
    picture = fast(data)
    assert picture is not None
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int16)
    assert picture.shape == expected.shape
    assert np.abs(picture - expected).max() <= 4
    assert np.abs(picture - expected).mean() < 0.5


@pytest.mark.parametrize(
    ("side", "kept"), [(255, 255), (511, 511), (512, 256), (1023, 512), (1025, 257), (2100, 263)]
)
def test_smallest_scale_that_keeps_the_working_side(draw_garment, side, kept) -> None:
    picture = fast(jpeg(Image.fromarray(draw_garment(side, 2)).resize((side, side // 2))))
    assert picture is not None
    assert picture.shape[1] == kept


def test_more_than_an_eighth_is_left_to_the_general_decoder() -> None:
    data = jpeg(Image.new("RGB", (16 * WORKING_SIDE, 64)))
    assert fast(data) is None
    assert decode(data).shape[1] == WORKING_SIDE


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(draw_garment, orientation) -> None:
    data = jpeg(Image.fromarray(draw_garment(200, 3)))
    image = Image.open(io.BytesIO(data)).crop((0, 0, 180, 120))
    turned = jpeg(image, exif=exif(orientation))
    picture = fast(turned)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(turned))), np.int16)
    assert picture is not None
    assert picture.shape == expected.shape
    assert np.abs(picture - expected).mean() < 0.5


def test_srgb_profiles_are_plain_and_others_are_not(draw_garment) -> None:
    image = Image.fromarray(draw_garment(100, 4))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    renamed = srgb.replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))
    assert renamed != srgb
    assert fast(jpeg(image, icc_profile=srgb)) is not None
    assert fast(jpeg(image, icc_profile=lab)) is None
    assert fast(jpeg(image, icc_profile=renamed)) is None
    assert fast(jpeg(image, icc_profile=b"broken")) is None


def test_what_is_odd_is_left_to_the_general_decoder(draw_garment, encode) -> None:
    picture = draw_garment(120, 5)
    data = encode(picture, "JPEG")
    assert fast(data) is not None
    assert fast(encode(picture, "PNG")) is None
    assert fast(jpeg(Image.fromarray(picture).convert("CMYK"))) is None
    assert fast(jpeg(Image.fromarray(picture), keep_rgb=True)) is None
    assert decode_jpeg(data, WORKING_SIDE, 120 * 120 - 1) is None
    for cut in range(len(data) - 2):
        assert fast(data[:cut]) is None


def test_broken_bytes_never_raise(encode, draw_garment) -> None:
    data = encode(draw_garment(90, 6), "JPEG")
    rng = np.random.default_rng(0)
    for _ in range(500):
        broken = bytearray(data)
        for at in rng.integers(2, 700, 4):
            broken[at] = rng.integers(256)
        picture = fast(bytes(broken))
        assert picture is None or picture.dtype == np.uint8


def test_hashes_hardly_move_by_decoding_at_a_smaller_scale(shared) -> None:
    moved = []
    for path in sorted((shared("photos") / "clothing").glob("*/*.jpg"))[::12]:
        data = path.read_bytes()
        full, half = (decode_jpeg(data, side, MAX_PIXELS) for side in (400, 200))
        if full is None or half is None:
            continue
        assert max(half.shape) < max(full.shape)
        pairs = zip(measure(full)[:4], measure(half)[:4], strict=True)
        moved.append([(int(one, 16) ^ int(two, 16)).bit_count() for one, two in pairs])
    assert len(moved) > 50
    assert (np.mean(moved, axis=0)[:2] < 1).all()
