"""The embedded backbone cut before its last block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from imgassets.vision.embedded import CHUNK, WEIGHTS, EmbeddedBackbone
from imgassets.vision.embedded_net import Network


class EmbeddedLastBlock:
    """See :class:`imgassets.vision.last_block.LastBlock`.

    Both trunks' last blocks are retrained; the gradients' projection stays as it is.

    Args:
        weights: bytes of a file of weights, the shipped one or one that :meth:`save` wrote.
        device: 'auto', 'cpu', 'cuda' …
    """

    input = EmbeddedBackbone.input

    def __init__(self, weights: bytes, device: str) -> None:
        import torch
        from safetensors.torch import load

        from imgassets.vision.pretrained import device_of

        self.device = device_of(device, torch)
        self.network = Network(load(weights), self.device)
        self._convolutions: Any = None

    def trunk(self, squares: np.ndarray) -> Any:  # noqa: ANN401  a torch tensor
        """Return what the last block sees of pictures, and the gradients' part of the vector."""
        import torch

        with torch.no_grad():
            parts = [
                self.network.early(squares[at : at + CHUNK]).half().cpu()
                for at in range(0, len(squares), CHUNK)
            ]
        return torch.cat(parts)

    def tail(self, hidden: Any) -> Any:  # noqa: ANN401
        """Return vectors [n, d] of the trunk's output; entries are of size 1, as for any layer."""
        vectors = self.network.late(hidden.to(self.device).float(), self._convolutions)
        return vectors * self.network.dimension**0.5

    def tail_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield the weights of the trunks' last blocks, by name."""
        yield from self.network.last_block()

    def adaptable(self) -> tuple[Any, tuple[str, ...]]:
        """Return the trunks' last blocks as a module of convolutions, and their names."""
        if self._convolutions is None:
            self._convolutions = self.network.late_convolutions()
        module = self._convolutions
        names = (f"{trunk}.{name}" for trunk in module for name in module[trunk])
        return module, tuple(names)

    def save(self, folder: Path) -> None:
        """Write the whole network's weights."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: value.detach().contiguous().cpu() for name, value in self.network.weights()},
            folder / WEIGHTS.name,
        )
