from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch  # noqa: TID253  (a test may)

from imgassets.learning.pretraining.augmentation import mix, vary
from imgassets.learning.pretraining.card import (
    BY_HAND,
    Made,
    linear_probe,
    robustness,
    with_notes,
    write_card,
)
from imgassets.learning.pretraining.export import embed, read_network, write_weights
from imgassets.learning.pretraining.photos import Photos, hold_out, read_photos
from imgassets.learning.pretraining.rendering import KINDS, VIEWS, render, render_many
from imgassets.learning.pretraining.training import Phase, Recipe, train_trunk
from imgassets.learning.pretraining.trunk import Learner
from imgassets.vision.embedded import EmbeddedBackbone

RECIPE = Recipe(steps=4, batch=8, phases=(Phase(32, 0.5, 0.5), Phase(48, 0.5, 0.5)), save_every=2)


@pytest.fixture(scope="module")
def rendered():
    return render_many(28, 48, seed=3)


@pytest.fixture(scope="module")
def photos(rendered):
    return Photos(rendered.pixels[:18], np.arange(18, dtype=np.int64) % 3, ("a", "b", "c"))


def same(one: Learner, other: Learner) -> bool:
    pairs = zip(one.parts.state_dict().values(), other.parts.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_and_view_is_rendered(kind, view) -> None:
    first, again, other = (render(kind, view, 64, np.random.default_rng(n)) for n in (1, 1, 2))
    assert first.shape == (64, 64, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.std() > 3


def test_a_picture_depends_on_its_number_alone(rendered) -> None:
    fewer = render_many(5, 48, seed=3, processes=2)
    assert np.array_equal(fewer.pixels, rendered.pixels[:5])
    assert set(rendered.kinds) == set(range(len(KINDS)))


def test_photographs_are_read_by_folder(tmp_path) -> None:
    for kind, colour in (("hat", (0, 0, 255)), ("bag", (255, 0, 0))):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / "1.png"), np.full((30, 20, 3), colour, np.uint8))
    found = read_photos(tmp_path, 16)
    assert found.kinds == ("bag", "hat")
    assert found.labels.tolist() == [0, 1]
    assert found.pixels[:, 8, 8].tolist() == [[0, 0, 255], [255, 0, 0]]


def test_what_cannot_be_learned_from_is_named(tmp_path) -> None:
    with pytest.raises(ValueError, match="at least two folders"):
        read_photos(tmp_path, 16)
    for kind in "ab":
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"broken\.jpg is no whole picture"):
        read_photos(tmp_path, 16)


def test_held_out_photographs_are_not_learned_from(photos) -> None:
    numbered = photos._replace(pixels=np.arange(18, dtype=np.uint8).reshape(18, 1, 1, 1))
    learned, held = hold_out(numbered, 0.5, seed=1)
    assert len(held.labels) == 9
    assert sorted([*learned.pixels.ravel(), *held.pixels.ravel()]) == list(range(18))


def test_variations_keep_the_picture_and_differ(rendered) -> None:
    pixels = torch.from_numpy(rendered.pixels[:4]).permute(0, 3, 1, 2).float()
    one, again, other = (vary(pixels, 40, torch.Generator().manual_seed(n)) for n in (1, 1, 2))
    assert one.shape == (4, 3, 40, 40)
    assert 0 <= float(one.min()) <= float(one.max()) <= 255
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_mixed_targets_are_probabilities(rendered) -> None:
    pixels = torch.from_numpy(rendered.pixels[:6]).permute(0, 3, 1, 2).float()
    for seed in range(6):
        mixed, targets = mix(pixels, torch.eye(6), torch.Generator().manual_seed(seed))
        assert mixed.shape == pixels.shape
        assert torch.allclose(targets.sum(1), torch.ones(6))
        assert float(targets.diagonal().min()) >= 0.5


def test_a_broken_off_training_goes_on_as_if_it_had_not(tmp_path, photos, rendered) -> None:
    whole = train_trunk(RECIPE, photos, rendered, seed=1, checkpoint=tmp_path / "whole.pt")

    class BrokenOff(Exception):
        pass

    def break_off(progress) -> None:
        if progress.step == 3:
            raise BrokenOff

    parts = tmp_path / "parts.pt"
    with pytest.raises(BrokenOff):
        train_trunk(RECIPE, photos, rendered, seed=1, checkpoint=parts, tell=break_off)
    steps: list[int] = []
    gone_on = train_trunk(
        RECIPE, photos, rendered, seed=1, checkpoint=parts,
        tell=lambda progress: steps.append(progress.step),
    )  # fmt: skip
    assert steps == [3, 4]
    assert same(whole, gone_on)
    with pytest.raises(ValueError, match="other settings"):
        train_trunk(replace(RECIPE, rate=1e-3), photos, rendered, seed=1, checkpoint=parts)


def test_learning_tells_kinds_apart(tmp_path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 60, (40, 32, 32, 3), dtype=np.uint8)
    pixels[::2, :, ::8] = 255
    labels = np.arange(40, dtype=np.int64) % 2
    recipe = Recipe(steps=40, batch=16, averaging=0.9, mixed=0, phases=(Phase(32, 1, 0.75),))
    learner = train_trunk(
        recipe, Photos(pixels, labels, ("plain", "striped")), render_many(14, 32, 1),
        seed=1, checkpoint=tmp_path / "trunk.pt",
    )  # fmt: skip
    with torch.inference_mode():
        answers = learner(torch.from_numpy(pixels).permute(0, 3, 1, 2).float()).photo.argmax(1)
    assert (answers.numpy() == labels).mean() > 0.9


def test_folded_weights_answer_as_the_trunks_did(tmp_path, photos, rendered) -> None:
    learners = [
        train_trunk(RECIPE, photos, rendered, seed=n, checkpoint=tmp_path / f"{n}.pt")
        for n in (1, 2)
    ]
    file = tmp_path / "embedded.safetensors"
    digest = write_weights(learners, rendered.pixels, file)
    network = read_network(file)
    assert network.trunks == 2
    vectors = embed(network, rendered.pixels)
    backbone = EmbeddedBackbone(weights=file, sha256=digest)
    assert vectors.shape == (28, backbone.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    # Centred on these very pictures, no direction is common to all of them.
    assert np.linalg.norm(vectors.mean(0)) < 0.5
    card = write_card(
        Made(digest, file.stat().st_size, 2, RECIPE, 1, 28, 12), network, photos, photos
    )
    assert digest in card
    assert "two different photographs" in card


def test_notes_by_hand_survive_a_new_card(tmp_path) -> None:
    path = tmp_path / "README.md"
    path.write_text(with_notes("old\n", path) + "figures\n")
    assert with_notes("new\n", path).split(BY_HAND) == ["new\n\n", "\nfigures\n"]


def test_probe_and_robustness_see_what_is_there(rendered) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c"], 20)
    telling = np.eye(3, 8)[np.repeat([0, 1, 2], 20)] + rng.normal(0, 0.1, (60, 8))
    assert linear_probe(telling, labels).mean() > 0.95
    assert linear_probe(rng.normal(0, 1, (60, 8)), labels).mean() < 0.7

    def mean_colour(pictures: np.ndarray) -> np.ndarray:
        centred = pictures.mean((1, 2)) - 128
        return centred / np.linalg.norm(centred, axis=1, keepdims=True)

    found = robustness(mean_colour, rendered.pixels)
    assert found.copies["mirrored"] == pytest.approx(1)
    assert found.copies["re-encoded (JPEG quality 30)"] > 0.9
    assert found.others < 0.9


@pytest.mark.soak
def test_command_trains_and_describes_a_backbone(tmp_path) -> None:
    out = tmp_path / "embedded.safetensors"
    command = [sys.executable, "-m", "imgassets.learning.pretraining", "--out", str(out)]
    tiny = ["--steps", "2", "--batch", "4", "--rendered", "14", "--threads", "1"]
    done = subprocess.run([*command, *tiny], capture_output=True, text=True, check=True)
    digest = done.stdout.split("SHA-256 ")[1].split(")")[0]
    assert EmbeddedBackbone(weights=out, sha256=digest).dimension <= 640
    assert digest in (tmp_path / "README.md").read_text()
    again = subprocess.run(
        [*command, "--steps", "3", *tiny[2:]], capture_output=True, text=True, check=False
    )
    assert again.returncode == 2
    assert "other settings" in again.stderr
    header = out.read_bytes()[8 : 8 + int.from_bytes(out.read_bytes()[:8], "little")]
    assert "1.last.scale" in json.loads(header)
