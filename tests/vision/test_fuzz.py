"""Small valid files, damaged at random, through the probe and a guarded decoder."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgassets.ingest.probe import Probe, probe
from imgassets.settings import FetchSettings
from imgassets.vision.decode import FORMATS, WORKING_SIDE
from imgassets.vision.guard import GuardedPool, WorkerFailure, WorkerLimits
from tests.vision.hostile_tasks import decode_measured


def _valid_files() -> list[bytes]:
    noise = np.random.default_rng(0).integers(0, 256, (9, 14, 4), np.uint8)
    colour = Image.fromarray(noise, "RGBA")
    exif = Image.Exif()
    exif[0x0112] = 6
    files = []
    for kind in FORMATS:
        for mode in ("RGB",) if kind in ("JPEG", "BMP") else ("RGB", "RGBA", "P"):
            out = io.BytesIO()
            colour.convert("RGB").convert(mode).save(out, kind, exif=exif)
            files.append(out.getvalue())
    return files


FILES = _valid_files()
PLACE = st.floats(0, 1)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid file with some bytes overwritten, cut out, repeated or taken from another file."""
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 6))):
        at = int(draw(PLACE) * len(data))
        match draw(st.sampled_from(["overwrite", "cut", "repeat", "splice", "end"])):
            case "overwrite":
                junk = draw(st.binary(min_size=1, max_size=8))
                data[at : at + len(junk)] = junk
            case "cut":
                del data[at : at + draw(st.integers(1, 16))]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 64))]
            case "splice":
                other = draw(st.sampled_from(FILES))
                data[at:] = other[int(draw(PLACE) * len(other)) :]
            case "end":
                del data[at:]
    return bytes(data)


@pytest.fixture(scope="module")
def pool():
    with GuardedPool(decode_measured, 1, WorkerLimits(60.0, 512)) as pool:
        yield pool


def test_the_valid_files_pass(pool) -> None:
    for data in FILES:
        found, (decoded, _) = probe(data, FetchSettings()), pool.call(data)
        assert isinstance(found, Probe), found
        assert decoded == (found.height, found.width, 3)


# The same inputs in every run: what is found by chance belongs to benchmarks/fuzz.py.
@settings(max_examples=400, deadline=None, derandomize=True)
@given(damaged())
def test_damaged_files_end_as_a_picture_or_a_typed_refusal(pool, data) -> None:
    found, outcome = probe(data, FetchSettings()), pool.call(data)
    assert isinstance(found, Probe) or found.rule_id
    if isinstance(outcome, WorkerFailure):
        assert outcome.rule_id == "decode_memory", outcome
        return
    decoded, _ = outcome
    if (
        len(decoded) == 3
        and isinstance(found, Probe)
        and max(found.height, found.width) < (2 * WORKING_SIDE)
    ):
        assert decoded[:2] == (found.height, found.width)
