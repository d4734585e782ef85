from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from imgassets.vision.decode import Undecodable
from imgassets.vision.photo import measure_photo, measures_of
from imgassets.vision.record import PhotoMeasures


def test_the_files_own_size_counts_however_it_is_turned_and_halved(draw_garment, encode):
    picture = draw_garment(1200, 2)[:, :900]
    exif = Image.Exif()
    exif[0x0112] = 6
    for file in (encode(picture, "JPEG"), encode(picture, "JPEG", exif=exif), encode(picture)):
        assert measure_photo(file).longer_side == 1200


def test_every_measure_is_a_number_for_any_picture():
    for size in ((1, 1), (1, 400), (9, 7), (300, 200)):
        for value in (0, 128, 255):
            found = measures_of(np.full((*size, 3), value, np.uint8), max(size))
            assert all(np.isfinite(found)), (size, value)
            assert isinstance(found, PhotoMeasures)


@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff\xd8\xff\xe0" + b"\0" * 200])
def test_what_is_no_picture_is_refused(data):
    refused = measure_photo(data)
    assert isinstance(refused, Undecodable)
    assert refused.rule_id in ("not_an_image", "undecodable")


def test_measuring_imports_no_torch():
    code = (
        "import sys, imgassets.vision.photo as p; p.warm_up();"
        "print({'torch', 'polars', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
