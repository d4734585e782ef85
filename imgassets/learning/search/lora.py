"""Low-rank adapters (LoRA, Hu et al., 2021) in any torch network, by peft.

A frozen layer of weight W answers as if its weight were W + a·B·A, where B and A are thin and
learnt. The strength ``a`` is 1 while learning; since the update is additive, a strength between 0
and 1 is the interpolation of the former and the fine-tuned weights (Wortsman et al., 2022).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

_ADAPTER = "default"
_HOW = "lora"
"""Key of a saved adapter's metadata: JSON of its rank, layers and strength."""


def inject_lora(
    module: nn.Module, rank: int, targets: Sequence[str] | None = None, seed: int = 0
) -> tuple[str, ...]:
    """Put adapters into a network's linear and convolutional layers, in place.

    The network answers as before until the adapters have learnt. Afterwards only they require
    gradients: what else shall learn has to be told so again (``requires_grad_``).

    Args:
        module: the network; it must not be one such layer itself.
        rank: of the matrices, at least 1.
        targets: names of layers, as ``named_modules`` spells them, or the ends of such names
            (``q_proj``); by default every ``Linear`` and ungrouped ``Conv2d``.
        seed: of the matrices that start at random.

    Returns:
        The full names of the layers that got one, sorted.

    Raises:
        ValueError: the rank is below 1, or no layer has such a name.
    """
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    if rank < 1:
        raise ValueError(f"LoRA's rank is at least 1, not {rank}")
    names = _adaptable(module, targets)
    if not names:
        wanted = "" if targets is None else f" named {', '.join(sorted(targets))}"
        raise ValueError(f"{type(module).__name__} has no linear or convolutional layer{wanted}")
    # A pattern of the full names: peft takes names in a list for the ends of names.
    pattern = "|".join(name.replace(".", r"\.") for name in names)
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=f"({pattern})")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, module, _ADAPTER)
    return names


def lora_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Return what the adapters learn, in a fixed order."""
    return [value for name, value in module.named_parameters() if _is_adapter(name)]


def set_strength(module: nn.Module, strength: float) -> None:
    """Let adapters count in full (1), not at all (0), or interpolate between both.

    Args:
        module: a network with adapters.
        strength: factor of the update, 0 … 1.
    """
    for _, _, layer in _adapted(module):
        layer.set_scale(_ADAPTER, strength)


def save_lora(module: nn.Module, path: Path, strength: float = 1.0) -> None:
    """Write the adapters alone, as safetensors.

    Args:
        module: a network with adapters.
        path: the file.
        strength: that :func:`load_lora` sets.
    """
    from safetensors.torch import save_file

    adapted = list(_adapted(module))
    how = {
        "rank": adapted[0][2].r[_ADAPTER],
        "layers": sorted(name for name, _, _ in adapted),
        "strength": strength,
    }
    state = {
        name: value.detach().cpu().contiguous()
        for name, value in module.state_dict().items()
        if _is_adapter(name)
    }
    save_file(state, path, metadata={_HOW: json.dumps(how)})


def load_lora(module: nn.Module, path: Path) -> float:
    """Put saved adapters into a network of the same layers, at their saved strength.

    Args:
        module: the network without adapters, as it was before :func:`inject_lora`.
        path: what :func:`save_lora` wrote.

    Returns:
        The strength.

    Raises:
        ValueError: the file holds no adapters, or those of another network.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            how = json.loads(file.metadata()[_HOW])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no LoRA adapters: {error}") from error
    try:
        inject_lora(module, how["rank"], how["layers"])
        module.load_state_dict(state, strict=False)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path} holds adapters of another network: {error}") from error
    strength = float(how["strength"])
    set_strength(module, strength)
    return strength


def merge_lora(module: nn.Module) -> None:
    """Add the adapters, at their present strength, to the weights; plain layers remain."""
    for name, parent, layer in list(_adapted(module)):
        layer.merge()
        setattr(parent, name.rpartition(".")[2], layer.get_base_layer())


def _adaptable(module: nn.Module, targets: Sequence[str] | None) -> tuple[str, ...]:
    from torch import nn

    def fits(name: str) -> bool:
        return targets is None or any(name == t or name.endswith(f".{t}") for t in targets)

    return tuple(
        sorted(
            name
            for name, layer in module.named_modules()
            if name
            and fits(name)
            and (type(layer) is nn.Linear or (type(layer) is nn.Conv2d and layer.groups == 1))
        )
    )


def _adapted(module: nn.Module) -> Iterator[tuple[str, nn.Module, Any]]:
    """Yield the full name, the parent and the layer of each adapter."""
    from peft.tuners.lora import LoraLayer

    for name, layer in module.named_modules():
        if isinstance(layer, LoraLayer):
            yield name, module.get_submodule(name.rpartition(".")[0]), layer


def _is_adapter(name: str) -> bool:
    return ".lora_A." in name or ".lora_B." in name
