from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from imgassets.settings import VisionSettings
from imgassets.vision.backbones import load_backbone, signals_version
from imgassets.vision.embedded import WEIGHTS, EmbeddedBackbone
from imgassets.vision.inputs import InputSpec, prepare
from imgassets.vision.record import SIGNALS_VERSION


@pytest.fixture
def pictures(draw_garment):
    return [draw_garment(side, seed) for seed, side in enumerate((64, 200, 480))]


def squares(backbone, pictures) -> np.ndarray:
    return np.stack([prepare(picture, backbone.input) for picture in pictures])


def check(backbone, pictures) -> np.ndarray:
    vectors = backbone.embed(squares(backbone, pictures))
    assert vectors.shape == (len(pictures), backbone.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    side = backbone.input.side
    assert backbone.embed(np.empty((0, side, side, 3), np.uint8)).shape == (0, backbone.dimension)
    return vectors


def test_embedded_backbone(pictures) -> None:
    settings = VisionSettings(device="cpu")
    backbone = load_backbone(settings)
    together = check(backbone, pictures)
    assert backbone.dimension <= 640
    assert signals_version(settings) == f"{SIGNALS_VERSION}+embedded-2"
    for place in range(len(pictures)):
        alone = backbone.embed(squares(backbone, pictures[place : place + 1]))
        assert np.array_equal(together[place : place + 1], alone)
    many = squares(backbone, pictures * 7)
    assert np.array_equal(np.tile(together, (7, 1)), backbone.embed(many))
    check(backbone, [np.zeros((1, 1, 3), np.uint8), np.zeros((1, 900, 3), np.uint8)])


def test_embedded_backbone_puts_copies_near(draw_garment) -> None:
    backbone = load_backbone(VisionSettings(device="cpu"))
    garment = draw_garment(480, 1)
    copies = [
        garment[::2, ::2],
        garment[20:-20, 20:-20],
        cv2.GaussianBlur(garment, (0, 0), 4),
        cv2.convertScaleAbs(garment, alpha=0.9, beta=20),
    ]
    one, *near, other = backbone.embed(
        squares(backbone, [garment, *map(np.ascontiguousarray, copies), draw_garment(480, 2)])
    )
    assert min(one @ copy for copy in near) > 0.8
    assert min(one @ copy for copy in near) > one @ other


def test_damaged_or_missing_weights_say_what_to_do(tmp_path) -> None:
    damaged = tmp_path / "embedded.safetensors"
    data = bytearray(WEIGHTS.read_bytes())
    assert len(data) <= 5_000_000
    data[-1] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(RuntimeError, match=r"damaged or were replaced .* reinstall imgassets"):
        EmbeddedBackbone(weights=damaged)
    with pytest.raises(RuntimeError, match=r"cannot be read .* reinstall imgassets"):
        EmbeddedBackbone(weights=tmp_path / "none.safetensors")


def test_pretrained_backbone_from_a_folder(shared, pictures) -> None:
    folder = shared("weights") / "mobilenet_v2_1.0_224"
    settings = VisionSettings(backbone=str(folder), device="cpu")
    backbone = load_backbone(settings)
    assert backbone.dimension == 1280
    together = check(backbone, pictures)
    alone = np.concatenate([backbone.embed(squares(backbone, [one])) for one in pictures])
    assert np.array_equal(together, alone)
    assert signals_version(settings) == f"{SIGNALS_VERSION}+{backbone.name}"


def test_version_names_the_weights(tmp_path) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"one")
    settings = VisionSettings(backbone=str(folder))
    first = signals_version(settings)
    assert first.startswith(f"{SIGNALS_VERSION}+net@")
    (folder / "model.safetensors").write_bytes(b"another")
    assert signals_version(settings) != first
    pinned = VisionSettings(backbone="owner/net", backbone_revision="abc")
    assert signals_version(pinned) == f"{SIGNALS_VERSION}+owner/net@abc"


def test_missing_model_says_what_to_do(tmp_path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(RuntimeError, match="'embedded'"):
        load_backbone(VisionSettings(backbone=str(tmp_path)))


@pytest.mark.parametrize("shape", [(50, 100), (100, 50), (1, 300)])
def test_square_cuts_nothing_off(shape) -> None:
    square = prepare(np.zeros((*shape, 3), np.uint8), InputSpec(60, "pad"))
    assert square.shape == (60, 60, 3)
    dark = square.min(axis=2) == 0
    assert dark.any(axis=0 if shape[1] > shape[0] else 1).all()


def test_importing_vision_imports_no_torch() -> None:
    code = (
        "import sys, imgassets.vision.engine, imgassets.vision.ray_engine;"
        "import imgassets.vision.pretrained;"
        "heavy = ('torch', 'transformers', 'ray', 'dagster', 'duckdb');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
