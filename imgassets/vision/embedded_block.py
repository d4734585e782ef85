"""The embedded backbone cut before its last block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imgassets.vision.embedded import EmbeddedBackbone, shipped_weights
from imgassets.vision.embedded_net import Network

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

WEIGHTS_FILE = "embedded.safetensors"
"""What a folder with a retrained network holds."""

_CHUNK = 8
"""Pictures in one pass of the trunk, as in :mod:`imgassets.vision.embedded`."""


class EmbeddedLastBlock:
    """See :class:`imgassets.vision.last_block.LastBlock`.

    Both trunks' last blocks are retrained; the gradients' projection stays as it is.

    Args:
        settings: the device, and 'embedded' or a folder that :meth:`save` wrote.

    Raises:
        RuntimeError: the shipped weights are missing or damaged.
    """

    input = EmbeddedBackbone.input

    def __init__(self, settings: VisionSettings) -> None:
        import torch
        from safetensors.torch import load

        from imgassets.vision.pretrained import device_of

        file = Path(settings.backbone) / WEIGHTS_FILE
        self.device = device_of(settings.device, torch)
        self.network = Network(
            load(file.read_bytes() if file.is_file() else shipped_weights()), self.device
        )

    def trunk(self, squares: np.ndarray) -> Any:  # noqa: ANN401  a torch tensor
        """Return what the last block sees of pictures, and the gradients' part of the vector."""
        import torch

        with torch.no_grad():
            parts = [
                self.network.early(squares[at : at + _CHUNK]).half().cpu()
                for at in range(0, len(squares), _CHUNK)
            ]
        return torch.cat(parts)

    def tail(self, hidden: Any) -> Any:  # noqa: ANN401
        """Return vectors [n, d] of the trunk's output; entries are of size 1, as for any layer."""
        vectors = self.network.late(hidden.to(self.device).float())
        return vectors * self.network.dimension**0.5

    def tail_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield the weights of the trunks' last blocks, by name."""
        yield from self.network.last_block()

    def save(self, folder: Path) -> None:
        """Write the whole network's weights."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: value.detach().contiguous().cpu() for name, value in self.network.weights()},
            folder / WEIGHTS_FILE,
        )
