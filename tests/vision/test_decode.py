from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image, ImageOps

from imgassets.vision.decode import WORKING_SIDE, Undecodable, decode


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
    picture = draw_garment(1200)[:, :800]
    decoded = decode(encode(picture, "JPEG", exif=exif, quality=95))
    expected = np.asarray(Image.fromarray(picture).reduce(2).transpose(Image.Transpose.ROTATE_270))
    assert decoded.shape == expected.shape == (400, 600, 3)
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


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_reads_every_accepted_format_and_one_pixel(format, encode) -> None:
    assert decode(encode(np.full((1, 1, 3), 7, np.uint8), format)).shape == (1, 1, 3)


def test_first_frame_of_an_animation(encode) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data)[4, 4].tolist() == [255, 0, 0]


@pytest.mark.parametrize(("side", "expected"), [(1023, 1023), (1024, 512), (2047, 1023.5)])
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


def test_malformed_files_end_as_a_picture_or_a_refusal(shared) -> None:
    folder = shared("malformed")
    accepted = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO")
    with (folder / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        data = (folder / row["file"]).read_bytes()
        opens = row["pillow"].startswith("ok ") and row["pillow"].split()[1] in accepted
        if opens:
            assert decode(data).ndim == 3, row["file"]
        else:
            with pytest.raises(Undecodable):
                decode(data)
