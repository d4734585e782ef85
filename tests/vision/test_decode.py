from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from imgassets.vision.decode import FORMATS, WORKING_SIDE, Undecodable, decode
from imgassets.vision.guard import GuardedPool, WorkerFailure, WorkerLimits
from tests.vision import profiles
from tests.vision.hostile_tasks import decode_measured


@pytest.fixture
def corners():
    """A picture whose corners differ: every turn and mirroring of it can be told."""
    picture = np.full((24, 40, 3), 255, np.uint8)
    picture[:8, :8] = (255, 0, 0)
    picture[:8, -8:] = (0, 255, 0)
    picture[-8:, :8] = (0, 0, 255)
    return picture


@pytest.mark.parametrize("orientation", range(1, 9))
def test_applies_every_exif_orientation(corners, encode, orientation) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(corners, "PNG", exif=exif)
    stored = Image.fromarray(corners)
    stored.info["exif"] = exif.tobytes()
    stored.getexif()[0x0112] = orientation
    assert np.array_equal(decode(data), np.asarray(ImageOps.exif_transpose(stored)))


def test_orientation_survives_scaled_decoding(draw_garment, encode) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    side = 2 * WORKING_SIDE + 80
    picture = draw_garment(side)[:, : side - 48]
    decoded = decode(encode(picture, "JPEG", exif=exif, quality=95))
    expected = np.asarray(Image.fromarray(picture).reduce(2).transpose(Image.Transpose.ROTATE_270))
    assert decoded.shape == expected.shape == (side // 2 - 24, side // 2, 3)
    assert np.abs(decoded.astype(int) - expected).mean() < 4


def test_cmyk_jpeg_is_close_to_its_rgb(draw_garment, encode) -> None:
    picture = draw_garment(200)
    data = encode(Image.fromarray(picture).convert("CMYK"), "JPEG", quality=95)
    assert np.abs(decode(data).astype(int) - picture).mean() < 4


def test_sixteen_bit_gray_keeps_its_upper_bits(encode) -> None:
    levels = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    decoded = decode(encode(Image.fromarray(levels), "PNG"))
    assert decoded.shape == (64, 64, 3)
    assert np.abs(decoded[..., 0].astype(int) - (levels >> 8)).max() <= 1
    assert (decoded[..., 0] == decoded[..., 2]).all()


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "PA"])
def test_transparency_becomes_white(mode, encode) -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((200, 30, 40, 255), (8, 8, 24, 24))
    if mode in ("LA", "PA"):
        image = image.convert("LA")
    format = "TIFF" if mode == "PA" else "PNG"
    image = image.quantize(8) if mode == "P" else image
    decoded = decode(encode(image, format))
    assert (decoded[0, 0] == 255).all()
    assert decoded[16, 16].mean() < 150


@pytest.mark.parametrize("mode", ["L", "1", "P", "F", "I"])
def test_other_modes_become_rgb(mode, encode, draw_garment) -> None:
    image = Image.fromarray(draw_garment(64)).convert(mode)
    decoded = decode(encode(image, "TIFF"))
    assert decoded.shape == (64, 64, 3)
    assert decoded.dtype == np.uint8
    assert decoded[0, 0].min() > 240


@pytest.mark.parametrize("format", FORMATS)
def test_reads_every_accepted_format_and_one_pixel(format, encode) -> None:
    assert decode(encode(np.full((1, 1, 3), 7, np.uint8), format)).shape == (1, 1, 3)


def test_first_frame_of_an_animation(encode) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data)[4, 4].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (2 * WORKING_SIDE - 1, 2 * WORKING_SIDE - 1),
        (2 * WORKING_SIDE, WORKING_SIDE),
        (4 * WORKING_SIDE - 1, 2 * WORKING_SIDE - 0.5),
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_working_size(side, expected, format, encode) -> None:
    decoded = decode(encode(np.zeros((side, 40, 3), np.uint8), format))
    assert WORKING_SIDE <= decoded.shape[0] < 2 * WORKING_SIDE + 1
    assert abs(decoded.shape[0] - expected) <= 1


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP"])
def test_truncated_files_are_refused(format, encode, draw_garment) -> None:
    data = encode(draw_garment(300), format)
    with pytest.raises(Undecodable) as refused:
        decode(data[: len(data) * 6 // 10])
    assert refused.value.rule_id == "undecodable"
    assert refused.value.detail


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", b"\xff\xd8\xff", b"GIF89a"])
def test_what_is_no_image_is_refused(data) -> None:
    with pytest.raises(Undecodable) as refused:
        decode(data)
    assert refused.value.rule_id in ("not_an_image", "undecodable")
    assert refused.value.measured


def test_too_many_pixels_are_refused_before_decoding(encode) -> None:
    with pytest.raises(Undecodable) as refused:
        decode(encode(np.zeros((100, 100, 3), np.uint8)), max_pixels=9_999)
    assert refused.value.rule_id == "too_many_pixels"
    assert "100 × 100" in refused.value.measured


def png_of_zeros(width: int, height: int, bit_depth: int, colour_type: int, samples: int) -> bytes:
    """Write a large PNG row by row, without holding its pixels."""
    row = b"\0" + bytes(width * samples * bit_depth // 8)
    deflate = zlib.compressobj(1)
    pixels = b"".join([*(deflate.compress(row) for _ in range(height)), deflate.flush()])
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["PNG RGBA", "PNG gray + alpha", "PNG RGB 16 bit", "JPEG", "TIFF"])
def test_64_megapixels_fit_a_workers_memory(kind, encode) -> None:
    side = 8000
    match kind:
        case "PNG RGBA":
            data = png_of_zeros(side, side, 8, 6, 4)
        case "PNG gray + alpha":
            data = png_of_zeros(side, side, 8, 4, 2)
        case "PNG RGB 16 bit":
            data = png_of_zeros(side, side, 16, 2, 3)
        case "JPEG":
            image = Image.new("RGB", (side, side))
            data = encode(image, "JPEG", progressive=True, subsampling=0)
        case _:
            data = encode(Image.new("RGB", (side, side)), "TIFF", compression="tiff_lzw")
    with GuardedPool(decode_measured, 1, WorkerLimits(120.0, 512)) as pool:
        outcome = pool.call(data)
    assert not isinstance(outcome, WorkerFailure), outcome
    shape, peak = outcome
    assert WORKING_SIDE <= shape[0] < 2 * WORKING_SIDE
    assert peak <= 512


@pytest.mark.slow
def test_what_does_not_fit_a_workers_memory_is_refused(encode) -> None:
    """Pillow's WebP decoder holds the canvas three times; with the limit lifted it would pass."""
    data = encode(Image.new("RGB", (7000, 7000)), "WEBP", method=0)
    with GuardedPool(decode_measured, 1, WorkerLimits(120.0, 512)) as pool:
        assert pool.call(data).rule_id == "decode_memory"
    with GuardedPool(decode_measured, 1, WorkerLimits(120.0, 2048)) as pool:
        assert len(pool.call(data)[0]) == 3


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_strips_change_nothing(mode, encode) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2501, 1203, 4), np.uint8)
    image = Image.fromarray(noise).convert("RGB" if mode == "P" else mode).convert(mode)
    white = Image.new("RGBA", image.size, "white")
    whole = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    decoded = decode(encode(image, "PNG", compress_level=1))
    expected = np.asarray(whole.reduce(round(2501 / decoded.shape[0])))
    assert np.abs(decoded.astype(int) - expected).max() <= 1


def test_the_range_of_high_depth_gray_is_that_of_the_whole_picture(encode) -> None:
    levels = np.full((2500, 1200), 200, np.uint16)
    levels[-1] = 60_000
    decoded = decode(encode(Image.fromarray(levels), "PNG"))
    assert decoded[0, 0].tolist() == [1, 1, 1]


def test_avif_and_the_first_picture_of_an_mpo(draw_garment, encode) -> None:
    picture = draw_garment(200)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.asarray(Image.fromarray(picture).transpose(Image.Transpose.ROTATE_270))
    decoded = decode(encode(picture, "AVIF", quality=95, exif=exif))
    assert np.abs(decoded.astype(int) - turned).mean() < 4
    other = [Image.new("RGB", (10, 10))]
    decoded = decode(encode(picture, "MPO", save_all=True, append_images=other, quality=95))
    assert np.abs(decoded.astype(int) - picture).mean() < 4


@pytest.mark.parametrize(
    ("format", "mode"),
    [(f, m) for f in ("JPEG", "TIFF") for m in ("RGB", "L", "CMYK")]
    + [("PNG", "RGB"), ("PNG", "L"), ("WEBP", "RGB"), ("AVIF", "RGB")],
)
def test_colour_profiles_are_applied(format, mode, encode) -> None:
    colour, profile, expected = {
        "RGB": ((255, 0, 0), profiles.red_is_blue(), (0, 0, 255)),
        "L": (128, profiles.linear_gray(), (188, 188, 188)),
        "CMYK": ((255, 0, 0, 0), profiles.any_ink_is_black(), (0, 0, 0)),
    }[mode]
    image = Image.new(mode, (64, 64), colour)
    quality = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    }.get(format, {})
    plain = decode(encode(image, format, **quality))[32, 32]
    converted = decode(encode(image, format, icc_profile=profile, **quality))[32, 32]
    assert np.abs(plain.astype(int) - expected).max() > 40
    assert np.abs(converted.astype(int) - expected).max() <= 4


def test_white_stays_white_under_a_profile(encode) -> None:
    for mode, profile in (("RGB", profiles.red_is_blue()), ("L", profiles.linear_gray())):
        image = Image.new(mode, (8, 8), "white")
        assert (decode(encode(image, "PNG", icc_profile=profile)) == 255).all()


def test_profiles_that_are_broken_or_for_other_pictures_are_passed_over(encode) -> None:
    image = Image.new("RGB", (8, 8), (200, 30, 40))
    for profile in (b"no profile", profiles.linear_gray(), profiles.red_is_blue()[:300]):
        decoded = decode(encode(image, "PNG", icc_profile=profile))
        assert decoded[4, 4].tolist() == [200, 30, 40]
