"""A pretrained backbone cut before its last block.

The cut is found by structure, so that it works for any model whose blocks stand in a list: the last
block is the last element of the last top-level `ModuleList`; what is defined behind it (a final
convolution, a normalisation) belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imgassets.vision.pretrained import device_of, input_spec, load_pretrained, pooled

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

_CHUNK = 4
"""Pictures in one pass of the trunk; see :mod:`imgassets.vision.pretrained`."""


class _Reached(Exception):
    """The trunk is done: carries the last block's input."""

    def __init__(self, hidden: Any) -> None:  # noqa: ANN401  a torch tensor
        self.hidden = hidden


class PretrainedLastBlock:
    """See :class:`imgassets.vision.last_block.LastBlock`.

    Args:
        settings: name the backbone and the device.

    Raises:
        RuntimeError: it cannot be loaded, or has no list of blocks to cut.
    """

    def __init__(self, settings: VisionSettings) -> None:
        import torch

        self._torch = torch
        self.device = device_of(settings.device, torch)
        self.model, self.processor = load_pretrained(settings)
        self.model.eval().to(self.device).requires_grad_(False)
        self._block_name, self._block = _last_block(self.model)
        self.input = input_spec(self.processor, self.model.config)
        self._mean, self._std = (
            torch.tensor(values or [0.5] * 3, device=self.device).view(1, 3, 1, 1)
            for values in (self.processor.image_mean, self.processor.image_std)
        )

    def trunk(self, squares: np.ndarray) -> Any:  # noqa: ANN401  a torch tensor
        """Return what the last block sees of pictures."""
        parts = [
            self._until_block(squares[at : at + _CHUNK]) for at in range(0, len(squares), _CHUNK)
        ]
        return self._torch.cat(parts)

    def tail(self, hidden: Any) -> Any:  # noqa: ANN401
        """Return pooled vectors [n, d] of the trunk's output [n, …]; differentiable."""
        handle = self._block.register_forward_pre_hook(
            lambda _block, inputs: (hidden.to(self.device).float(), *inputs[1:])
        )
        side = self.input.side
        blank = self._torch.zeros((1, 3, side, side), device=self.device)
        try:  # the trunk runs on one blank picture, whose output is replaced
            return pooled(self.model, blank).float().flatten(1)
        finally:
            handle.remove()

    def tail_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield the last block's parameters and those behind it, by name."""
        behind = False
        for name, parameter in self.model.named_parameters():
            behind = behind or name.startswith(f"{self._block_name}.")
            if behind:
                yield name, parameter

    def adaptable(self) -> tuple[Any, tuple[str, ...]]:
        """Return the model, and the names of its last block's layers and of those behind it."""
        torch, adaptable, behind = self._torch, [], False
        for name, module in self.model.named_modules():
            behind = behind or name == self._block_name
            plain = isinstance(module, torch.nn.Linear) or (
                isinstance(module, torch.nn.Conv2d) and module.groups == 1
            )
            if behind and plain:
                adaptable.append(name)
        return self.model, tuple(adaptable)

    def save(self, folder: Path) -> None:
        """Write model and processor as `transformers` reads them."""
        self.model.save_pretrained(folder)
        self.processor.save_pretrained(folder)

    def _until_block(self, squares: np.ndarray) -> Any:  # noqa: ANN401
        def stop(_block: Any, inputs: tuple[Any, ...]) -> None:  # noqa: ANN401
            raise _Reached(inputs[0])

        handle = self._block.register_forward_pre_hook(stop)
        pixels = self._torch.from_numpy(squares).to(self.device).permute(0, 3, 1, 2).float()
        try:
            with self._torch.no_grad():
                pooled(self.model, ((pixels / 255.0 - self._mean) / self._std).contiguous())
        except _Reached as reached:
            return reached.hidden.half().cpu()
        finally:
            handle.remove()
        raise RuntimeError(f"{self._block_name} is not part of the backbone's forward pass")


def _last_block(model: Any) -> tuple[str, Any]:  # noqa: ANN401
    """Return name and module of the last block.

    Raises:
        RuntimeError: the model has no list of blocks.
    """
    import torch

    vision = getattr(model, "vision_model", model)
    prefix = "vision_model." if vision is not model else ""
    lists = [
        (name, module)
        for name, module in vision.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module)
    ]
    names = {name for name, _ in lists}
    outer = [(n, m) for n, m in lists if not any(n.startswith(f"{other}.") for other in names)]
    if not outer:
        raise RuntimeError(
            f"{type(model).__name__} has no list of blocks: its last block cannot be retrained; "
            "set IMGASSETS_LEARNING__RETRAIN_BLOCK=false"
        )
    name, blocks = outer[-1]
    return f"{prefix}{name}.{len(blocks) - 1}", blocks[-1]
