"""A backbone in two parts: a frozen trunk, and the last block that can be retrained.

The trunk's output is computed once per picture; training then touches the last block alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from imgassets.vision.backbones import EMBEDDED
from imgassets.vision.embedded import WEIGHTS, shipped_weights
from imgassets.vision.embedded_block import EmbeddedLastBlock
from imgassets.vision.inputs import InputSpec

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings


class LastBlock(Protocol):
    """What every cut backbone offers.

    Attributes:
        device: torch device of the last block.
        input: how it wants its pictures.
    """

    device: Any
    input: InputSpec

    def trunk(self, squares: np.ndarray) -> Any:  # noqa: ANN401  a torch tensor
        """Return what the last block sees of pictures.

        Args:
            squares: RGB, uint8, pictures × side × side × 3.

        Returns:
            float16 tensor on the CPU, pictures × (the block's input).
        """
        ...

    def tail(self, hidden: Any) -> Any:  # noqa: ANN401
        """Return pooled vectors [n, d] of the trunk's output [n, …]; differentiable."""
        ...

    def tail_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield the last block's parameters and those behind it, by name."""
        ...

    def adaptable(self) -> tuple[Any, tuple[str, ...]]:
        """Return the module that holds the last block's layers, and their full names in it.

        From then on :meth:`tail` runs through that module, so that layers which are replaced in it
        (by adapters) are the ones that answer.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the whole backbone into a folder that :func:`load_last_block` reads."""
        ...


def load_last_block(settings: VisionSettings) -> LastBlock:
    """Cut the backbone that the settings name.

    Raises:
        RuntimeError: it cannot be loaded, or has no list of blocks to cut.
    """
    if settings.backbone == EMBEDDED:
        return EmbeddedLastBlock(shipped_weights(), settings.device)
    retrained = Path(settings.backbone) / WEIGHTS.name
    if retrained.is_file():
        return EmbeddedLastBlock(retrained.read_bytes(), settings.device)
    from imgassets.vision.pretrained_block import PretrainedLastBlock

    return PretrainedLastBlock(settings)
