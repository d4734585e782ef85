"""Every file of the malformed collection, through the probe and a guarded decoder."""

from __future__ import annotations

import base64
import csv
import io

import pytest
from PIL import Image

from imgassets.gallery.thumbnails import encode_thumbnail
from imgassets.ingest.probe import Probe, probe
from imgassets.settings import FetchSettings, VisionSettings
from imgassets.vision.decode import FORMATS
from imgassets.vision.engine import compute_signals
from imgassets.vision.guard import GuardedPool, WorkerFailure, WorkerLimits
from tests.vision.hostile_tasks import decode_measured

MEMORY_MIB = 512
REFUSED = {"not_an_image", "too_many_pixels", "undecodable"}
"""Rules of the decoder; none of the files needs the guard's own."""


@pytest.fixture(scope="module")
def files(shared):
    """The collection's files by name: their bytes, and what pillow says of them."""
    folder = shared("malformed")
    with (folder / "manifest.csv").open() as file:
        return {
            row["file"]: ((folder / row["file"]).read_bytes(), row["pillow"])
            for row in csv.DictReader(file)
        }


@pytest.fixture(scope="module")
def outcomes(files):
    """What a guarded decoder makes of each file, and its process's peak memory."""
    with GuardedPool(decode_measured, 1, WorkerLimits(60.0, MEMORY_MIB)) as pool:
        return {name: pool.call(data) for name, (data, _) in files.items()}


def test_each_ends_as_a_picture_or_a_typed_refusal(files, outcomes) -> None:
    assert len(files) > 100
    for name, (data, pillow) in files.items():
        found = probe(data, FetchSettings())
        assert isinstance(found, Probe) or (found.rule_id and found.limit and found.detail), name
        outcome = outcomes[name]
        assert not isinstance(outcome, WorkerFailure), (name, outcome)
        decoded, peak = outcome
        assert peak <= MEMORY_MIB, name
        accepted = (*FORMATS, "MPO")
        if pillow.startswith("ok ") and pillow.split()[1] in accepted:
            assert len(decoded) == 3, (name, decoded)
        else:
            assert decoded[0] in REFUSED, (name, decoded)
            assert all(decoded), (name, decoded)


def test_the_probe_and_the_decoder_agree(files, outcomes) -> None:
    """On the size, and but for these on whether there is a picture."""
    compressed_data_is_broken = {
        "fuzz/afl_23.bmp", "fuzz/gofuzz_15.tif", "modes/chunk_no_fctl.png",
        "truncated/hopper_webp.tif", "truncated/unknown_compression_method.png",
    }  # fmt: skip
    without_an_end_mark = {"fuzz/afl_27.gif"}
    for name, (data, _) in files.items():
        found, (decoded, _) = probe(data, FetchSettings()), outcomes[name]
        if isinstance(found, Probe) and len(decoded) == 3:
            factor = max(1, round(max(found.height, found.width) / max(decoded[:2])))
            assert decoded[:2] == (-(-found.height // factor), -(-found.width // factor)), name
        elif isinstance(found, Probe):
            assert name in compressed_data_is_broken, (name, decoded)
        elif len(decoded) == 3:
            assert name in without_an_end_mark, (name, found)


def test_orientation_is_applied(files, outcomes) -> None:
    names = [name for name in files if name.startswith("orientation/")]
    assert len(names) == 4
    for name in names:
        height, width, _ = outcomes[name][0]
        assert (width > height) == ("landscape" in name)


def test_metadata_reaches_neither_derivatives_nor_tables(files) -> None:
    pictures = {name: data for name, (data, _) in files.items() if name.startswith("gps/")}
    assert len(pictures) == 4
    texts = set()
    for data in pictures.values():
        with Image.open(io.BytesIO(data)) as image:
            exif = image.getexif()
            tags = [*exif.values(), *exif.get_ifd(0x8769).values(), *exif.get_ifd(0x8825).values()]
        texts |= {tag.strip("\0 ") for tag in tags if isinstance(tag, str)}
    texts = {text for text in texts if len(text) > 3}
    assert any("NIKON" in text for text in texts)

    for data in pictures.values():
        uri = encode_thumbnail(data, 220)
        content = base64.b64decode(uri.partition(",")[2])
        with Image.open(io.BytesIO(content)) as thumbnail:
            assert not thumbnail.getexif()
            assert not {"exif", "xmp", "icc_profile"} & set(thumbnail.info)
        assert not any(mark in content for mark in (b"Exif", b"EXIF", b"XMP ", b"GPS"))
        assert not any(text.encode() in content for text in texts)

    result = compute_signals(list(pictures), pictures.__getitem__, VisionSettings(workers=1))
    assert result.signals.height == 4, result.refused.rows()
    tables = [
        result.signals.write_json(),
        *(repr(probe(d, FetchSettings())) for d in pictures.values()),
    ]
    for text in texts:
        assert not any(text in table for table in tables), text
