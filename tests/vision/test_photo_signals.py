"""Signals of review photos: one decode, the same measures as elsewhere, and NIMA's features."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from polars.testing import assert_frame_equal

from imgassets.settings import Settings, VisionSettings
from imgassets.vision.decode import decode, upright_size
from imgassets.vision.engine import compute_signals
from imgassets.vision.inputs import InputSpec, prepare
from imgassets.vision.nima import load_towers
from imgassets.vision.photo import measure_photo
from imgassets.vision.photo_schema import PHOTO_FIELDS, PHOTO_OUTCOME_SCHEMA, PHOTO_SCHEMA
from imgassets.vision.photo_signals import photo_outcomes
from imgassets.vision.photo_version import nima_version, photo_signals_version
from imgassets.vision.record import PhotoMeasures
from imgassets.vision.schema import SIGNALS_SCHEMA, split
from imgassets.warehouse.contracts import ReviewSignals
from tests.tiny_backbone import SIDE, write_backbone


@pytest.fixture(scope="module")
def files(draw_garment, encode) -> dict[str, bytes]:
    sizes = (90, 300, 620)
    pictures = [draw_garment(side, k)[:, : side * 3 // 4] for k, side in enumerate(sizes)]
    turned = Image.fromarray(pictures[2])
    exif = Image.Exif()
    exif[0x0112] = 6
    contents = [
        *(encode(picture, "JPEG", quality=80) for picture in pictures),
        encode(turned, "JPEG", exif=exif.tobytes()),
        encode(turned, "WEBP", exif=exif.tobytes()),
        b"<html>",
    ]
    return {hashlib.sha256(data).hexdigest(): data for data in contents}


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_backbone(tmp_path_factory.mktemp("tower"), "resnet")


def settings_of(**ranking: object) -> Settings:
    return Settings(
        home=Path("unused"),
        vision=VisionSettings(workers=2, batch_size=4, device="cpu"),
        ranking=ranking,
    )


@pytest.fixture(scope="module")
def found(files) -> pl.DataFrame:
    """What the operator answers without a tower."""
    return pl.concat(list(photo_outcomes(list(files), files.__getitem__, settings_of())))


@pytest.fixture(scope="module")
def photos(found) -> pl.DataFrame:
    return split(found, PHOTO_SCHEMA).signals


def test_a_photo_has_the_signals_of_a_product_image_and_the_measures_of_the_prompt(
    files, found, photos
) -> None:
    assert found.schema == pl.Schema(PHOTO_OUTCOME_SCHEMA)
    refused = split(found, PHOTO_SCHEMA).refused
    assert refused["rule_id"].to_list() == ["not_an_image"]
    images = compute_signals(list(files), files.__getitem__, settings_of().vision).signals
    shared = [name for name in SIGNALS_SCHEMA if name != "signals_version"]
    assert_frame_equal(photos.select(shared), images.select(shared), check_exact=True)
    for row in photos.iter_rows(named=True):
        measures = measure_photo(files[row["image_id"]])
        assert isinstance(measures, PhotoMeasures)
        for name in PhotoMeasures._fields:  # the sharpness and extent of both are one
            assert row[name] == pytest.approx(getattr(measures, name), rel=1e-6)
    assert set(PHOTO_FIELDS) == {"longer_side", "bright", "clipped", "noise", "blockiness"}


def test_size_is_the_files_and_upright(files, photos) -> None:
    sizes = {row["image_id"]: (row["width"], row["height"]) for row in photos.to_dicts()}
    for image_id, size in sizes.items():
        assert upright_size(files[image_id]) == size
        height, width = decode(files[image_id]).shape[:2]
        assert (height > width) == (size[1] > size[0])
    assert sorted(sizes.values()) == [(67, 90), (225, 300), (465, 620), (620, 465), (620, 465)]


def test_without_a_tower_nima_is_the_embedding(photos) -> None:
    settings = settings_of()
    assert photos["nima"].equals(photos["embedding"])
    assert load_towers(settings.vision, settings.ranking) is None
    assert nima_version(settings) == "nima:embedded-2"


def test_a_towers_features_are_pooled_squeezed_and_not_normalised(files, photos, tower) -> None:
    settings = settings_of(nima_backbone=tower)
    towers = load_towers(settings.vision, settings.ranking)
    assert towers is not None
    assert towers.input == InputSpec(SIDE, "squeeze")
    frames = list(photo_outcomes(list(files), files.__getitem__, settings))
    towered = split(pl.concat(frames), PHOTO_SCHEMA).signals
    squares = [prepare(decode(files[i]), towers.input) for i in towered["image_id"]]
    alone = np.stack([towers.features(square[None])[0] for square in squares])
    np.testing.assert_array_equal(towered["nima"].list.to_array(16).to_numpy(), alone)
    assert not np.allclose(np.linalg.norm(alone, axis=1), 1)
    assert towered["embedding"].equals(photos["embedding"])


def test_the_version_names_backbone_and_tower(tower) -> None:
    plain, towered = settings_of(), settings_of(nima_backbone=tower)
    assert photo_signals_version(plain) == "photo-1+signals-2+embedded-2+nima:embedded-2"
    name = photo_signals_version(towered).rpartition("nima:")[2]
    assert name == nima_version(towered).removeprefix("nima:")
    assert name.startswith(f"{Path(tower).name}@")
    (Path(tower) / "more.json").write_text("{}")
    try:
        assert nima_version(towered) != f"nima:{name}"
    finally:
        (Path(tower) / "more.json").unlink()


def test_rows_keep_the_contract(photos) -> None:
    rows = photos.with_columns(day=pl.date(2026, 1, 5), category=pl.lit("bags"))
    assert ReviewSignals.conform(rows).height == 5


def test_the_embedded_backbone_is_no_tower() -> None:
    settings = settings_of(nima_backbone="embedded")
    with pytest.raises(RuntimeError, match="leave it empty"):
        load_towers(settings.vision, settings.ranking)


def test_decoding_processes_load_neither_torch_nor_polars() -> None:
    script = (
        "import sys, imgassets.vision.photo_visit; "
        "print([name for name in ('torch', 'polars', 'h5py') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
