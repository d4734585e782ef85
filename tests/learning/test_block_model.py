"""The retrained block as a classifier: a colour that means the flag, learnt from pixels."""

from __future__ import annotations

import base64

import numpy as np
import pandas as pd
import pytest

from imgassets.learning.block_model import BlockModel, answer, fit
from imgassets.learning.block_training import MOST, subset, train_block
from imgassets.learning.flag_training import answers_of
from imgassets.settings import LearningSettings, ReviewSettings, VisionSettings
from imgassets.vision.last_block import load_last_block
from tests.learning.flag_cases import both_sides, example, frame
from tests.tiny_backbone import SIDE, coloured, write_backbone


@pytest.fixture(scope="module")
def vision(tmp_path_factory) -> VisionSettings:
    folder = tmp_path_factory.mktemp("backbone")
    return VisionSettings(backbone=write_backbone(folder), device="cpu")


@pytest.fixture(scope="module")
def model(vision) -> BlockModel:
    truth = np.arange(256) % 4 == 0
    block = load_last_block(vision)
    head = fit(block, block.trunk(coloured(truth)), truth, seed=0)
    limits = {"flag": 0.5, "reject": 0.9, "review": 0.2}
    return BlockModel("blurry", block, head, limits, "v1", {"train_groups": ["g0"]})


def test_learns_what_pixels_tell(model) -> None:
    truth = np.arange(60) % 3 == 0
    p = model.predict_proba(coloured(truth, seed=1))
    assert (p.dtype, p.shape) == (np.float32, (60,))
    assert p.max() < 1
    assert np.mean((p >= 0.5) == truth) > 0.95
    assert model.predict_proba(coloured(truth)[:0]).shape == (0,)


def test_only_the_tail_has_changed(model, vision) -> None:
    before = dict(load_last_block(vision).model.named_parameters())
    after = dict(model.block.model.named_parameters())
    changed = {name for name in before if not before[name].equal(after[name])}
    tail = {name for name, _ in model.block.tail_parameters()}
    assert changed
    assert changed <= tail
    assert any(name.startswith("layers.1.") for name in changed)
    assert not any(parameter.requires_grad for parameter in after.values())


def test_a_seed_gives_the_same_model(vision) -> None:
    truth = np.arange(40) % 2 == 0
    answers = []
    for seed in (0, 0, 1):
        block = load_last_block(vision)
        hidden = block.trunk(coloured(truth))
        answers.append(answer(block, fit(block, hidden, truth, seed), hidden))
    assert np.array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


def test_a_saved_model_answers_alike(model, tmp_path) -> None:
    model.save(tmp_path / "saved")
    loaded = BlockModel.load(tmp_path / "saved", device="cpu")
    squares = coloured(np.arange(70) % 2 == 0, seed=2)
    assert np.array_equal(loaded.predict_proba(squares), model.predict_proba(squares))
    for name in ("flag", "approach", "limits", "signals_version", "info"):
        assert getattr(loaded, name) == getattr(model, name)


@pytest.mark.parametrize("name", ["flag.json", "linear.safetensors", "backbone/model.safetensors"])
def test_damage_is_one_clear_error(model, tmp_path, name) -> None:
    model.save(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"no readable retrained block .* train again"):
        BlockModel.load(tmp_path, device="cpu")


def test_frames_are_answered_like_squares(model) -> None:
    squares = coloured(np.array([True, False, True]), seed=3)
    texts = [base64.b64encode(square.tobytes()).decode() for square in squares]
    found = model.predict_frame(pd.DataFrame({"square": texts}, index=[5, 6, 7]))
    np.testing.assert_allclose(found["probability"], model.predict_proba(squares), atol=1e-6)
    assert found["flagged"].tolist() == [True, False, True]
    assert found.index.tolist() == [5, 6, 7]


def test_training_measures_out_of_fold(vision) -> None:
    examples = subset(frame(both_sides(range(30))))
    trained = train_block(
        "blurry",
        examples,
        lambda rows: coloured(rows["value"].to_numpy()),
        vision,
        LearningSettings(),
        ReviewSettings(),
        seed=0,
        signals_version="v1",
    )
    assert trained.p.shape == (examples.height,)
    assert trained.tuned.f1 > 0.9
    assert trained.model.approach == "retrained_block"
    assert trained.model.info["counts"] == {"positive": 60, "negative": 60}
    limits = trained.model.limits
    assert 0 < limits["review"] <= limits["flag"] <= limits["reject"] <= 1


def test_a_group_is_never_on_both_sides(vision) -> None:
    """Each group's pictures have a pattern of their own, and a random truth."""
    rng = np.random.default_rng(4)
    truth = rng.permutation(np.arange(16) % 2 == 0)
    patterns = rng.integers(0, 256, (16, SIDE, SIDE, 3), np.uint8)
    rows = [example(f"{g:02}-{i}", f"g{g}", bool(truth[g])) for g in range(16) for i in range(6)]
    trained = train_block(
        "blurry",
        frame(rows),
        lambda asked: patterns[[int(name[:2]) for name in asked["example_id"]]],
        vision,
        LearningSettings(),
        ReviewSettings(),
        seed=0,
        signals_version="v1",
    )
    per_group = trained.p.reshape(16, 6)
    assert np.allclose(per_group, per_group[:, :1], atol=1e-3), "copies get one answer"
    assert np.mean((per_group[:, 0] >= 0.5) == truth) < 0.9


def test_judged_and_synthetic_examples_come_first() -> None:
    rows = [example(f"p{i}", f"g{i}", False, origin="presumed") for i in range(MOST)]
    rows += [example(f"s{i}", f"g{i}", True, origin="synthetic") for i in range(300)]
    rows += [example(f"a{i}", f"g{i}", True, origin="answer") for i in range(20)]
    chosen = subset(frame(rows))
    assert chosen.height == MOST
    assert dict(chosen["origin"].value_counts().iter_rows()) == {
        "presumed": MOST - 320, "synthetic": 300, "answer": 20,
    }  # fmt: skip
    assert chosen["example_id"].is_sorted()


def test_pixels_are_needed(model) -> None:
    with pytest.raises(ValueError, match="'blurry' needs pixels: name a pretrained backbone"):
        answers_of(model, frame(both_sides(range(2))), None)
