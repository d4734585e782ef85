"""Looking at a picture file without decoding it."""

from __future__ import annotations

import struct
import warnings
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgassets.ingest.probe import FORMATS, Probe, probe
from imgassets.ingest.refusal import Refusal

LIMIT = 1_000_000
RULES = {"empty_body", "not_an_image", "too_many_pixels", "too_small", "truncated",
         "undecodable_header"}  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_its_size(picture, kind):
    data = picture(kind)
    assert probe(data, LIMIT) == Probe(kind, 40, 30, len(data))


@pytest.mark.parametrize("lossless", [True, False])
def test_both_kinds_of_webp(picture, lossless):
    assert isinstance(probe(picture("WEBP", (41, 33), lossless=lossless), LIMIT), Probe)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(picture, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    found = probe(picture(kind, exif=exif), LIMIT)
    assert isinstance(found, Probe)
    assert (found.width, found.height) == (30, 40)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.6, 0.95])
def test_a_cut_file_is_refused(picture, kind, share):
    data = picture(kind, (200, 150))
    found = probe(data[: int(len(data) * share)], LIMIT)
    assert isinstance(found, Refusal)
    assert found.rule_id == "truncated"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_bytes_after_the_end_do_no_harm(picture, kind):
    assert isinstance(probe(picture(kind) + b"trailing" * 20, LIMIT), Probe)


def test_a_whole_thumbnail_does_not_hide_a_cut_picture(picture):
    exif = Image.Exif()
    exif[0x9286] = picture()
    data = picture(size=(200, 150), exif=exif)
    assert data.count(b"\xff\xd9") == 2
    assert probe(data[:-200], LIMIT).rule_id == "truncated"


@pytest.mark.parametrize(
    ("size", "rule"),
    [((1, 1), "too_small"), ((500, 1), "too_small"), ((1001, 1000), "too_many_pixels")],
)
def test_sizes_out_of_bounds(picture, size, rule):
    found = probe(picture("PNG", size), LIMIT)
    assert found.rule_id == rule
    assert f"{size[0]} × {size[1]}" in found.measured


def test_a_bomb_is_measured_and_no_warning_leaks(picture):
    data = bytearray(picture("PNG"))
    data[16:24] = struct.pack(">II", 20_000, 20_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = probe(bytes(data), 64_000_000)
    assert (found.rule_id, found.limit) == ("too_many_pixels", "≤ 64000000 pixels")
    assert "400000000" in found.measured


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty_body"),
        (b"<!doctype html><title>404</title>", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
        (b"RIFF\x04\0\0\0WEBP", "undecodable_header"),
        (b"BM" + bytes(100), "undecodable_header"),
        (b"II*\0" + b"\xff" * 20, "undecodable_header"),
    ],
)
def test_other_content(data, rule):
    assert probe(data, LIMIT).rule_id == rule


@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"MM\0*",
                     b"RIFF\x40\0\0\0WEBPVP8X", b"RIFF\x40\0\0\0WEBPVP8 "]),
    st.binary(max_size=300),
)  # fmt: skip
def test_no_bytes_make_it_raise(signature, rest):
    found = probe(signature + rest, LIMIT)
    assert isinstance(found, Probe) or found.rule_id in RULES


def test_all_malformed_files_are_typed(shared):
    files = [p for p in sorted(shared("malformed").rglob("*")) if p.is_file()]
    assert len(files) > 100
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in files:
            found = probe(path.read_bytes(), 64_000_000)
            assert isinstance(found, Probe) or found.rule_id in RULES, path
    found = {p.name: probe(p.read_bytes(), 64_000_000) for p in files}
    assert found["photo_cut_at_60_percent.jpg"].rule_id == "truncated"
    assert isinstance(found["photo_with_trailing_bytes.jpg"], Probe)
    assert found["valid_1bit_20000x20000.png"].rule_id == "too_many_pixels"
    assert found["svg_inside.png"].rule_id == "not_an_image"
    assert found["landscape_6.jpg"].width > found["landscape_6.jpg"].height
    assert found["portrait_8.jpg"].width < found["portrait_8.jpg"].height
