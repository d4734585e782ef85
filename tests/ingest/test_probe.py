"""Looking at a picture file without decoding it."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from imgassets.ingest.probe import Probe, probe
from imgassets.ingest.refusal import Refusal
from imgassets.ingest.structure import FORMATS
from imgassets.settings import FetchSettings
from imgassets.warehouse.contracts import MODES

LIMITS = FetchSettings(max_pixels=1_000_000)
RULES = {"empty_body", "not_an_image", "too_many_pixels", "side_too_long", "too_small",
         "decoded_too_large", "too_many_frames", "metadata_too_large", "truncated",
         "undecodable_header"}  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_its_size(picture, kind):
    data = picture(kind)
    mode = "palette" if kind == "GIF" else "rgb"
    assert probe(data, LIMITS) == Probe(kind, 40, 30, len(data), mode, 8, 1)


@pytest.mark.parametrize("lossless", [True, False])
def test_both_kinds_of_webp(picture, lossless):
    assert isinstance(probe(picture("WEBP", (41, 33), lossless=lossless), LIMITS), Probe)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation_is_applied(picture, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    found = probe(picture(kind, exif=exif), LIMITS)
    assert isinstance(found, Probe)
    assert (found.width, found.height) == (30, 40)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.6, 0.95])
def test_a_cut_file_is_refused(picture, kind, share):
    data = picture(kind, (200, 150))
    found = probe(data[: int(len(data) * share)], LIMITS)
    assert isinstance(found, Refusal)
    assert found.rule_id == "truncated"


@pytest.mark.parametrize("kind", FORMATS)
def test_bytes_after_the_end_do_no_harm(picture, kind):
    assert isinstance(probe(picture(kind) + b"trailing" * 20, LIMITS), Probe)


def test_a_whole_thumbnail_does_not_hide_a_cut_picture(picture):
    exif = Image.Exif()
    exif[0x9286] = picture()
    data = picture(size=(200, 150), exif=exif)
    assert data.count(b"\xff\xd9") == 2
    assert probe(data[:-200], LIMITS).rule_id == "truncated"


@pytest.mark.parametrize(
    ("size", "rule"),
    [((1, 1), "too_small"), ((500, 1), "too_small"), ((1001, 1000), "too_many_pixels")],
)
def test_sizes_out_of_bounds(picture, size, rule):
    found = probe(picture("PNG", size), LIMITS)
    assert found.rule_id == rule
    assert f"{size[0]} × {size[1]}" in found.measured


def test_a_bomb_is_measured(picture):
    data = bytearray(picture("PNG"))
    data[16:24] = struct.pack(">II", 20_000, 20_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    found = probe(bytes(data), FetchSettings())
    assert (found.rule_id, found.limit) == ("too_many_pixels", "≤ 64000000 pixels")
    assert "400000000" in found.measured


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "image_mode", "mode", "bit_depth"),
    [
        ("JPEG", "L", "gray", 8), ("JPEG", "CMYK", "cmyk", 8), ("PNG", "1", "gray", 1),
        ("PNG", "I;16", "gray", 16), ("PNG", "LA", "gray_alpha", 8), ("PNG", "P", "palette", 1),
        ("PNG", "RGBA", "rgba", 8), ("WEBP", "RGBA", "rgba", 8), ("BMP", "L", "palette", 8),
        ("BMP", "RGBA", "rgb", 8), ("TIFF", "L", "gray", 8), ("TIFF", "1", "gray", 1),
        ("TIFF", "P", "palette", 8), ("TIFF", "LA", "gray_alpha", 8), ("TIFF", "RGBA", "rgba", 8),
        ("TIFF", "CMYK", "cmyk", 8), ("TIFF", "I;16", "gray", 16), ("TIFF", "F", "gray", 32),
        ("TIFF", "LAB", "other", 8), ("AVIF", "RGBA", "rgba", 8), ("AVIF", "L", "gray", 8),
    ],
)  # fmt: skip
def test_modes_and_depths(kind, image_mode, mode, bit_depth):
    found = probe(save(Image.new(image_mode, (40, 30)), kind), LIMITS)
    assert isinstance(found, Probe), found
    assert (found.mode, found.bit_depth, found.width) == (mode, bit_depth, 40)
    assert mode in MODES


def test_a_transparent_key_colour_counts_as_alpha():
    assert (
        probe(save(Image.new("RGB", (4, 4)), "PNG", transparency=(1, 2, 3)), LIMITS).mode == "rgba"
    )


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_frames_are_counted(kind):
    frames = [Image.fromarray(np.full((8, 8, 3), 40 * n, np.uint8)) for n in range(5)]
    data = save(frames[0], kind, save_all=True, append_images=frames[1:])
    assert probe(data, LIMITS).frames == 5
    refused = probe(data, FetchSettings(max_frames=4))
    assert (refused.rule_id, refused.measured, refused.limit) == (
        "too_many_frames", "5 frames", "≤ 4 frames"
    )  # fmt: skip


def test_the_first_picture_of_an_mpo_is_a_jpeg():
    frames = [Image.new("RGB", (40, 30)), Image.new("RGB", (20, 10))]
    data = save(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert probe(data, LIMITS) == Probe("JPEG", 40, 30, len(data), "rgb", 8, 1)


def test_sides_and_decompressed_size_have_limits(picture):
    data = picture("PNG", (300, 4))
    assert probe(data, FetchSettings(max_side=299)).rule_id == "side_too_long"
    assert isinstance(probe(data, FetchSettings(max_side=300)), Probe)
    refused = probe(data, FetchSettings(max_decoded_bytes=3599))
    assert refused.rule_id == "decoded_too_large"
    assert refused.measured.endswith("= 3600 bytes")
    assert isinstance(probe(data, FetchSettings(max_decoded_bytes=3600)), Probe)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_metadata_has_a_limit(kind):
    image = Image.new("RGB", (40, 30))
    plain, heavy = save(image, kind), save(image, kind, icc_profile=bytes(20_000))
    limits = FetchSettings(max_metadata_bytes=10_000)
    assert isinstance(probe(plain, limits), Probe)
    assert probe(heavy, limits).rule_id == "metadata_too_large"
    assert isinstance(probe(heavy, LIMITS), Probe)


def test_comments_of_a_gif_are_metadata():
    data = save(Image.new("P", (40, 30)), "GIF", comment=bytes(range(1, 200)) * 20)
    assert probe(data, FetchSettings(max_metadata_bytes=2000)).rule_id == "metadata_too_large"
    assert isinstance(probe(data, FetchSettings(max_metadata_bytes=6000)), Probe)


@pytest.mark.parametrize("chunk", ["zTXt", "iTXt", "iCCP"])
def test_compressed_metadata_counts_inflated_and_is_not_inflated_far(chunk):
    image, large = Image.new("RGB", (40, 30)), "a" * 20_000_000
    info = PngImagePlugin.PngInfo()
    if chunk == "zTXt":
        info.add_text("Comment", large, zip=True)
    elif chunk == "iTXt":
        info.add_itxt("Comment", large, zip=True)
    profile = large.encode() if chunk == "iCCP" else None
    data = save(image, "PNG", pnginfo=info, icc_profile=profile)
    assert len(data) < 100_000
    refused = probe(data, LIMITS)
    assert refused.rule_id == "metadata_too_large"
    assert int(refused.measured.split()[0]) < LIMITS.max_metadata_bytes + 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a\x10\0\x10\0\0\0\0" + b"!\xfe" + b"\1a" * 2_000_000 + b"\0;",
        b"GIF89a\x10\0\x10\0\0\0\0" + b"\0" * 4_000_000,
        b"\xff\xd8\xff" + b"\xd8\xff" * 2_000_000,
        b"RIFF\xff\xff\xff\x7fWEBP" + b"ABCD\0\0\0\0" * 500_000,
    ],
    ids=["sub-blocks", "padding", "markers", "chunks"],
)
def test_the_number_of_blocks_looked_at_is_bounded(data):
    refused = probe(data, LIMITS)
    assert refused.rule_id == "undecodable_header"
    assert refused.measured.startswith("more than ")


def test_a_run_of_marker_bytes_is_searched_once(picture):
    """A search that started again from each byte of the run would not end today."""
    start = picture("JPEG")[:-2]
    assert probe(start + b"\xff" * 8_000_000, LIMITS).rule_id == "truncated"


def test_directories_that_point_at_each_other():
    entries = b"\0\0" + struct.pack("<I", 8)
    assert probe(b"II*\0\x08\0\0\0" + entries, LIMITS).rule_id == "undecodable_header"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty_body"),
        (b"<!doctype html><title>404</title>", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
        (b"RIFF\x04\0\0\0WEBP", "undecodable_header"),
        (b"BM" + bytes(100), "undecodable_header"),
        (b"II*\0" + b"\xff" * 20, "truncated"),
        (b"\0\0\0\x20ftypheic\0\0\0\0mif1heic", "not_an_image"),
        (b"\0\0\0\x10ftypavif\0\0\0\0", "truncated"),
    ],
)
def test_other_content(data, rule):
    assert probe(data, LIMITS).rule_id == rule


@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"MM\0*",
                     b"II+\0\x08\0\0\0", b"\0\0\0\x10ftypavif\0\0\0\0",
                     b"RIFF\x40\0\0\0WEBPVP8X", b"RIFF\x40\0\0\0WEBPVP8 "]),
    st.binary(max_size=300),
)  # fmt: skip
def test_no_bytes_make_it_raise(signature, rest):
    found = probe(signature + rest, LIMITS)
    assert isinstance(found, Probe) or found.rule_id in RULES


def test_all_malformed_files_are_typed(shared):
    files = [p for p in sorted(shared("malformed").rglob("*")) if p.is_file()]
    assert len(files) > 100
    found = {p.name: probe(p.read_bytes(), FetchSettings()) for p in files}
    for name, one in found.items():
        assert isinstance(one, Probe) or one.rule_id in RULES, name
    assert found["photo_cut_at_60_percent.jpg"].rule_id == "truncated"
    assert isinstance(found["photo_with_trailing_bytes.jpg"], Probe)
    assert found["valid_1bit_20000x20000.png"].rule_id == "too_many_pixels"
    assert found["svg_inside.png"].rule_id == "not_an_image"
    assert found["avif_inside.jpg"].format == "AVIF"
    assert found["landscape_6.jpg"].width > found["landscape_6.jpg"].height
    assert found["portrait_8.jpg"].width < found["portrait_8.jpg"].height
