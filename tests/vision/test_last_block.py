from __future__ import annotations

import numpy as np
import pytest

from imgassets.settings import VisionSettings
from imgassets.vision.backbones import load_backbone
from imgassets.vision.last_block import LastBlock, load_last_block
from tests.tiny_backbone import write_backbone


def random_squares(n: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8)


def check_halves(settings: VisionSettings) -> None:
    """Trunk and tail together must answer what the whole backbone answers."""
    block, whole = load_last_block(settings), load_backbone(settings)
    assert block.input == whole.input
    squares = random_squares(6, block.input.side)
    hidden = block.trunk(squares)
    assert (str(hidden.dtype), str(hidden.device)) == ("torch.float16", "cpu")
    vectors = block.tail(hidden).numpy()
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    wanted = whole.embed(squares)
    assert vectors.shape == wanted.shape
    assert np.abs(wanted - wanted[0]).max() > 0.01, "the pictures differ at all"
    np.testing.assert_allclose(vectors, wanted, atol=3e-3)  # the trunk's output is kept in halves


@pytest.mark.parametrize("kind", ["vit", "dinov2", "clip", "resnet", "convnext"])
def test_trunk_and_tail_are_the_whole_model(kind, tmp_path) -> None:
    settings = VisionSettings(backbone=write_backbone(tmp_path, kind), device="cpu")
    check_halves(settings)


def test_trunk_and_tail_are_the_embedded_network() -> None:
    check_halves(VisionSettings(device="cpu"))


def test_trunk_and_tail_of_a_published_model(shared) -> None:
    folder = shared("weights") / "mobilenet_v2_1.0_224"
    check_halves(VisionSettings(backbone=str(folder), device="cpu"))


@pytest.fixture
def block(tmp_path) -> LastBlock:
    return load_last_block(VisionSettings(backbone=write_backbone(tmp_path / "vit"), device="cpu"))


def test_a_picture_s_answer_does_not_depend_on_its_company(block) -> None:
    squares = random_squares(9, block.input.side)
    together = block.tail(block.trunk(squares)).numpy()
    alone = block.tail(block.trunk(squares[7:8])).numpy()
    np.testing.assert_allclose(alone[0], together[7], atol=1e-4)


def test_the_tail_is_the_last_block_and_what_stands_behind_it(block) -> None:
    names = [name for name, _ in block.tail_parameters()]
    known = [name for name, _ in block.model.named_parameters()]
    assert names == known[-len(names) :]
    assert {name.split(".")[0] for name in names} == {"layers", "layernorm", "pooler"}
    assert all(name.startswith("layers.1.") for name in names if name.startswith("layers"))


def test_gradients_reach_the_tail_and_nothing_else(block) -> None:
    tail = dict(block.tail_parameters())
    for parameter in tail.values():
        parameter.requires_grad_(True)
    block.tail(block.trunk(random_squares(2, block.input.side))).sum().backward()
    moved = {name for name, p in block.model.named_parameters() if p.grad is not None}
    assert moved == set(tail)
    assert any(p.grad.abs().max() > 0 for p in tail.values())


def test_saved_it_is_a_backbone_like_any_other(block, tmp_path) -> None:
    block.save(tmp_path / "saved")
    check_halves(VisionSettings(backbone=str(tmp_path / "saved"), device="cpu"))


def test_a_model_without_blocks_says_so(tmp_path) -> None:
    settings = VisionSettings(backbone=write_backbone(tmp_path, layers=0), device="cpu")
    with pytest.raises(RuntimeError, match=r"ViTModel has no list of blocks.*RETRAIN_BLOCK=false"):
        load_last_block(settings)


class TestOfTheEmbeddedNetwork:
    def test_gradients_reach_the_last_stages_and_nothing_else(self) -> None:
        block = load_last_block(VisionSettings(device="cpu"))
        tail = dict(block.tail_parameters())
        assert {name.split("_")[0] for name in tail} == {"0.stage2", "1.stage2"}
        for parameter in tail.values():
            parameter.requires_grad_(True)
        block.tail(block.trunk(random_squares(2, block.input.side))).sum().backward()
        assert all(p.grad.abs().max() > 0 for p in tail.values())
        assert {n for n, w in block.network.weights() if w.grad is not None} == set(tail)

    def test_changed_and_saved_it_answers_the_same_when_loaded(self, tmp_path) -> None:
        block = load_last_block(VisionSettings(device="cpu"))
        hidden = block.trunk(random_squares(3, block.input.side))
        before = block.tail(hidden).numpy()
        for _, parameter in block.tail_parameters():
            parameter.mul_(1.1)
        changed = block.tail(hidden).numpy()
        assert np.abs(changed - before).max() > 1e-3
        block.save(tmp_path / "saved")
        again = load_last_block(VisionSettings(backbone=str(tmp_path / "saved"), device="cpu"))
        np.testing.assert_array_equal(again.tail(hidden).numpy(), changed)
