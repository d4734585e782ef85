from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning.search.clip import ClipEncoder, clip_input
from imgassets.learning.search.clip_training import fine_tune, title_search, train_clip
from imgassets.learning.search.data import ITEMS, Items
from imgassets.learning.search.encoder import encoder_version, load_encoder
from imgassets.learning.search.features import feature_matrix
from imgassets.search.settings import SearchSettings
from imgassets.settings import VisionSettings
from imgassets.vision.inputs import InputSpec
from tests.tiny_clip import DIMENSION, SIDE, features_of, save_tiny_model

VISION = VisionSettings(device="cpu", workers=1)
COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200), "grey": (128,) * 3}
NONE = np.zeros((0, 0), np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "clip")


def settings(model: Path, **more: object) -> SearchSettings:
    return SearchSettings(encoder=str(model), lora_learning_rate=0.03, lora_rank=4, **more)


def plain(n: int = 48, side: int = SIDE) -> Items:
    """Return plain squares of four colours, titled so, of two categories."""
    names = [list(COLOURS)[i % 4] for i in range(n)]
    rng = np.random.default_rng(0)
    squares = np.array([np.full((side, side, 3), COLOURS[name]) for name in names])
    squares = np.clip(squares + rng.normal(0, 15, squares.shape), 0, 255).astype(np.uint8)
    rows = {
        "item_id": [f"{i:03d}" for i in range(n)],
        "group_id": [f"style {i // 2}" for i in range(n)],
        "category": ["shirts" if i % 8 < 4 else "caps" for i in range(n)],
        "title": names,
        "text": names,
        "attributes": [[] for _ in range(n)],
    }
    return Items(
        pl.DataFrame(rows, ITEMS), squares, pl.DataFrame({"none": [0] * n}), InputSpec(side, "pad")
    )


def no_features(items: Items) -> np.ndarray:
    return np.zeros((len(items), 0), np.float32)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_load_embed_train_save_reload(tmp_path, kind) -> None:
    name = save_tiny_model(tmp_path / "model", kind)
    items = plain()
    encoder = ClipEncoder(str(name), None, VISION)
    before = title_search(encoder, items)
    plain_vectors = encoder.embed_images(items.squares, no_features(items))
    fine_tune(encoder, items, settings(name, lora_epochs=20), seed=0)
    encoder.adapt(1.0, None)
    images = encoder.embed_images(items.squares, no_features(items))
    texts = encoder.embed_texts(["red", "", "a blue one"])
    assert title_search(encoder, items) > before + 0.2
    assert np.abs(images - plain_vectors).max() > 0.01
    (tmp_path / "saved").mkdir()
    encoder.save(tmp_path / "saved")
    assert {p.name for p in (tmp_path / "saved").iterdir()} == {
        "encoder.json", "adapters.safetensors"
    }  # fmt: skip
    again = load_encoder(tmp_path / "saved", VISION)
    assert (again.kind, again.dimension, again.feature_groups) == ("clip", DIMENSION, ())
    assert np.array_equal(again.embed_images(items.squares, no_features(items)), images)
    assert np.array_equal(again.embed_texts(["red", "", "a blue one"]), texts)


def test_custom_features_join_the_image_side_and_are_saved_with_it(model, tmp_path) -> None:
    items = plain(16)
    items = replace(items, features=features_of(items.squares))
    encoder = ClipEncoder(str(model), None, VISION)
    before = encoder.embed_images(items.squares, no_features(items))
    groups = ("colour", "texture")
    joined = fine_tune(encoder, items, settings(model), 0, groups)
    matrix = feature_matrix(items.features, groups)
    encoder.adapt(0.0, joined)
    assert np.allclose(encoder.embed_images(items.squares, matrix), before, atol=1e-6)
    encoder.adapt(0.6, joined)
    assert encoder.feature_groups == groups
    images = encoder.embed_images(items.squares, matrix)
    assert np.allclose(np.linalg.norm(images, axis=1), 1, atol=1e-5)
    assert np.abs(images - encoder.embed_images(items.squares, matrix[::-1])).max() > 0.01
    alone = encoder.embed_images(items.squares[:1], matrix[:1])
    assert np.array_equal(alone, images[:1])
    encoder.save(tmp_path)
    again = load_encoder(tmp_path, VISION)
    assert again.feature_groups == groups
    assert np.array_equal(again.embed_images(items.squares, matrix), images)
    with pytest.raises(ValueError, match="of the groups colour, texture are wanted"):
        again.embed_images(items.squares, matrix[:, 1:])
    (tmp_path / "features.safetensors").write_bytes(b"x")
    with pytest.raises(ValueError, match="no projection of features"):
        load_encoder(tmp_path, VISION)


def test_vectors_do_not_depend_on_their_batch(model) -> None:
    encoder = ClipEncoder(str(model), None, VISION)
    items = plain(7)
    whole = encoder.embed_images(items.squares, no_features(items))
    alone = [encoder.embed_images(one[None], np.zeros((1, 0), np.float32)) for one in items.squares]
    assert np.array_equal(whole, np.concatenate(alone))
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)
    texts = ["red", "", "x " * 5000, "красная рубашка", "红"]
    many = encoder.embed_texts(texts)
    assert np.array_equal(many, np.concatenate([encoder.embed_texts([one]) for one in texts]))
    assert np.isfinite(many).all()
    assert encoder.embed_texts([]).shape == (0, DIMENSION)
    assert encoder.embed_images(items.squares[:0], NONE).shape == (0, DIMENSION)
    assert encoder.unknown_words("red рубашка") == []  # its pieces are bytes


def test_the_same_seed_trains_the_same_adapters(model, tmp_path) -> None:
    versions = []
    for name in ("one", "two"):
        encoder = ClipEncoder(str(model), None, VISION)
        fine_tune(encoder, plain(16), settings(model), seed=3)
        encoder.adapt(1.0, None)
        (tmp_path / name).mkdir()
        encoder.save(tmp_path / name)
        versions.append(encoder_version(tmp_path / name))
    assert versions[0] == versions[1]
    assert versions[0].startswith("clip-")


def test_fine_tuning_goes_as_far_as_former_ability_is_kept(model) -> None:
    done: list[tuple[int, int]] = []
    found = train_clip(
        plain(), settings(model, lora_epochs=10), VISION, 0, progress=lambda *at: done.append(at)
    )
    curve = found.interpolation.curve
    assert curve["strength"].to_list() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    chosen = curve.filter(pl.col("strength") == found.interpolation.strength)
    assert chosen["ability"][0] >= 0.98 * curve["ability"][0]
    assert chosen["target"][0] > curve["target"][0]
    assert found.encoder.strength == found.interpolation.strength
    assert done[-1][0] == done[-1][1] == len(done)


def test_one_category_alone_cannot_measure_what_is_lost(model) -> None:
    items = plain(8)
    rows = items.rows.with_columns(category=pl.lit("shirts"))
    one = Items(rows, items.squares, items.features, items.input)
    found = train_clip(one, settings(model), VISION, 0)
    assert found.interpolation is None
    assert found.encoder.strength == 1.0
    assert "one category" in found.notes[0]


def test_items_must_have_texts_and_the_models_size(model) -> None:
    items = plain(8)
    silent = items.rows.with_columns(title=pl.lit(""), text=pl.lit(""))
    with pytest.raises(ValueError, match="two images with a title"):
        train_clip(
            Items(silent, items.squares, items.features, items.input), settings(model), VISION, 0
        )
    with pytest.raises(ValueError, match="squares were made for"):
        fine_tune(ClipEncoder(str(model), None, VISION), plain(8, 16), settings(model), 0)


def test_the_size_is_known_without_weights(model) -> None:
    assert clip_input(str(model), None) == ClipEncoder(str(model), None, VISION).input


def test_a_model_that_changed_or_went_is_refused(model, tmp_path) -> None:
    mine = tmp_path / "model"
    shutil.copytree(model, mine)
    saved = tmp_path / "saved"
    saved.mkdir()
    ClipEncoder(str(mine), None, VISION).save(saved)
    save_tiny_model(mine, seed=1)
    with pytest.raises(ValueError, match=r"holds .* now, but the encoder was made from"):
        load_encoder(saved, VISION)
    shutil.rmtree(mine)
    with pytest.raises(RuntimeError, match="cannot be loaded"):
        load_encoder(saved, VISION)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "encoder.json").unlink(), "holds no encoder"),
        (lambda folder: (folder / "encoder.json").write_text("[]"), "holds no encoder"),
        (lambda folder: (folder / "adapters.safetensors").write_bytes(b"x"), "no LoRA adapters"),
    ],
)
def test_damaged_files_are_named(
    model, tmp_path, damage: Callable[[Path], object], message: str
) -> None:
    ClipEncoder(str(model), None, VISION).save(tmp_path)
    damage(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_encoder(tmp_path, VISION)


def test_other_models_are_refused(tmp_path) -> None:
    from tests.tiny_backbone import write_backbone

    with pytest.raises(RuntimeError, match="no CLIP or SigLIP model"):
        ClipEncoder(write_backbone(tmp_path / "vit"), None, VISION)
    with pytest.raises(RuntimeError, match=re.escape("IMGASSETS_SEARCH__ENCODER")):
        ClipEncoder(str(tmp_path / "nothing"), None, VISION)
    about = {"kind": "other"}
    (tmp_path / "encoder.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="unknown kind"):
        load_encoder(tmp_path, VISION)
