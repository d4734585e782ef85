from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from imgassets.learning.search.lora import (  # noqa: E402
    inject_lora,
    load_lora,
    lora_parameters,
    merge_lora,
    save_lora,
    set_strength,
)


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 8, 3, padding=1, groups=8),
        torch.nn.Flatten(),
        torch.nn.Linear(8 * 16, 4),
    )


def learn(module, steps: int = 10) -> None:
    optimiser = torch.optim.AdamW(lora_parameters(module), lr=0.05)
    for _ in range(steps):
        optimiser.zero_grad()
        (module(PICTURES) ** 2).mean().backward()
        optimiser.step()


PICTURES = torch.linspace(-1, 1, 5 * 3 * 4 * 4).reshape(5, 3, 4, 4)


def answers(module) -> np.ndarray:
    return module(PICTURES).detach().numpy()


def test_adapters_start_as_nothing_and_learn_alone() -> None:
    module = network()
    before, weight = answers(module), module[4].weight.detach().clone()
    assert inject_lora(module, 2) == ("0", "4")  # not the grouped convolution
    assert np.array_equal(answers(module), before)
    assert {id(p) for p in module.parameters() if p.requires_grad} == {
        id(p) for p in lora_parameters(module)
    }
    learn(module)
    assert np.abs(answers(module) - before).max() > 0.01
    assert torch.equal(module[4].base_layer.weight, weight)


def test_layers_are_named_by_the_ends_of_their_names() -> None:
    module = torch.nn.ModuleDict({"a": network(), "b": network()})
    assert inject_lora(module, 1, ["a.4", "0"]) == ("a.0", "a.4", "b.0")
    with pytest.raises(ValueError, match="no linear or convolutional layer named q_proj"):
        inject_lora(network(), 1, ["q_proj"])
    with pytest.raises(ValueError, match="rank is at least 1"):
        inject_lora(network(), 0)


def test_strength_interpolates_the_weights() -> None:
    module = network()
    before = answers(module)
    inject_lora(module, 2)
    learn(module)
    set_strength(module, 0)
    assert np.allclose(answers(module), before)
    set_strength(module, 0.5)
    merge_lora(module)
    half = module[4].weight.detach().clone()
    other = network()
    inject_lora(other, 2)
    learn(other)
    merge_lora(other)
    assert torch.allclose(half, (network()[4].weight + other[4].weight) / 2, atol=1e-6)


def test_saved_adapters_give_the_same_answers(tmp_path) -> None:
    module = network()
    inject_lora(module, 2, seed=5)
    learn(module)
    set_strength(module, 0.4)
    save_lora(module, tmp_path / "a.safetensors", 0.4)
    again = network()
    assert load_lora(again, tmp_path / "a.safetensors") == 0.4
    assert np.array_equal(answers(again), answers(module))
    merge_lora(again)
    assert type(again[4]) is torch.nn.Linear
    assert np.allclose(answers(again), answers(module), atol=1e-5)
    with pytest.raises(ValueError, match="adapters of another network"):
        load_lora(torch.nn.Sequential(torch.nn.Linear(3, 3)), tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no LoRA adapters"):
        load_lora(network(), tmp_path / "b.safetensors")
