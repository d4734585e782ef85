"""The backbone that ships inside the package."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np

from imgassets.vision.embedded_net import SIDE, Network
from imgassets.vision.inputs import InputSpec

WEIGHTS = Path(str(files("imgassets.vision"))) / "weights" / "embedded.safetensors"

WEIGHTS_SHA256 = "ecd38cabe134afa322f77142a58eb9569a980282011bc44e94d885c6e1308bf7"
"""Of the weights' file; `python -m imgassets.learning.pretraining` prints that of a new one."""

CHUNK = 8
"""Pictures in one forward pass: few, for the reason given in :mod:`imgassets.vision.pretrained`."""


class EmbeddedBackbone:
    """A small network trained for this project: no download.

    Its card, ``weights/README.md``, says what it was trained on and how good it is. The whole
    picture is squeezed into a square, since a product image's edges belong to the product.

    Args:
        device: 'auto', 'cpu', 'cuda' …, as :class:`imgassets.settings.VisionSettings` has it.
        workers: threads of a forward pass on a CPU.
        weights: file of the weights.
        sha256: of that file.

    Raises:
        RuntimeError: the weights are missing, or are not those that were shipped.
    """

    name = "embedded-2"
    input = InputSpec(SIDE, "squeeze")

    def __init__(
        self,
        device: str = "cpu",
        workers: int = 1,
        weights: Path = WEIGHTS,
        sha256: str = WEIGHTS_SHA256,
    ) -> None:
        import torch
        from safetensors.torch import load

        from imgassets.vision.pretrained import device_of

        data = shipped_weights(weights, sha256)
        torch.set_num_threads(max(1, workers))
        self._network = Network(load(data), device_of(device, torch))
        self.dimension = self._network.dimension

    def embed(self, squares: np.ndarray) -> np.ndarray:
        """Embed pictures; see :meth:`imgassets.vision.backbones.Backbone.embed`."""
        if not len(squares):
            return np.empty((0, self.dimension), np.float32)
        # Always whole chunks: kernels are chosen by shape, and another kernel rounds differently.
        missing = -len(squares) % CHUNK
        blanks = np.zeros((missing, *squares.shape[1:]), np.uint8)
        padded = np.concatenate([squares, blanks]) if missing else squares
        parts = [
            self._network.forward(padded[at : at + CHUNK]) for at in range(0, len(padded), CHUNK)
        ]
        return np.concatenate(parts)[: len(squares)]


def shipped_weights(weights: Path = WEIGHTS, sha256: str = WEIGHTS_SHA256) -> bytes:
    """Return the bytes of the weights' file.

    Raises:
        RuntimeError: it is missing or has other content.
    """
    try:
        data = weights.read_bytes()
    except OSError as error:
        raise RuntimeError(
            f"the embedded backbone's weights cannot be read ({error}); reinstall imgassets"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise RuntimeError(
            f"the embedded backbone's weights at {weights} are damaged or were replaced "
            f"(SHA-256 {found[:12]}…, expected {sha256[:12]}…); reinstall imgassets"
        )
    return data
