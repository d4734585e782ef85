"""From trained trunks to the file that ships: folded, evened out, in half precision."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from imgassets.learning.pretraining.trunk import Learner, Tensor, folded
from imgassets.vision.embedded_net import LAYOUT, SIDE, Network
from imgassets.vision.gradients import layout_of

_PASS = 16
"""Pictures in one forward pass."""


def write_weights(learners: Sequence[Learner], pictures: np.ndarray, path: Path) -> str:
    """Write the weights' file.

    Args:
        learners: the trained trunks, on the CPU.
        pictures: RGB, uint8, n × any × any × 3, that the features are centred on and evened out by.
        path: the safetensors file to write.

    Returns:
        The file's SHA-256, lower-case hex.
    """
    from safetensors.torch import save

    squares = squeezed(pictures, SIDE)
    weights: dict[str, Tensor] = {}
    for number, learner in enumerate(learners):
        for name, value in folded(learner).items():
            weights[f"{number}.{name}"] = value.half().contiguous()
        features = _features(learner, squares)
        weights[f"{number}.last.mean"] = features.mean(0)
        weights[f"{number}.last.scale"] = _evened(features.std(0))
    weights["layout.mean"], weights["layout.projection"] = _layout(squares)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = save(weights)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def read_network(path: Path) -> Network:
    """Load a weights' file that :func:`write_weights` wrote."""
    from safetensors.torch import load_file

    return Network(load_file(path))


def embed(network: Network, pictures: np.ndarray) -> np.ndarray:
    """Embed pictures (RGB, uint8, n × any × any × 3); float32, n × dimension."""
    squares = squeezed(pictures, SIDE)
    return np.concatenate(
        [network.forward(squares[at : at + _PASS]) for at in range(0, len(squares), _PASS)]
    )


def squeezed(pictures: np.ndarray, side: int) -> np.ndarray:
    """Resize squares (uint8, n × any × any × 3) to ``side`` pixels."""
    size = (side, side)
    method = cv2.INTER_AREA if side < pictures.shape[1] else cv2.INTER_LINEAR
    return np.stack([cv2.resize(one, size, interpolation=method) for one in pictures])


def _features(learner: Learner, squares: np.ndarray) -> Tensor:
    """Return the pooled last layer of all pictures."""
    import torch

    learner.parts.eval()
    found: list[Tensor] = []
    with torch.inference_mode():
        for at in range(0, len(squares), _PASS):
            pixels = torch.from_numpy(squares[at : at + _PASS]).permute(0, 3, 1, 2).float()
            found.append(learner.features(pixels)[1])
    return torch.cat(found)


def _layout(squares: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return the layouts' mean, and their projection on principal components, evened out."""
    import torch

    gradients = torch.from_numpy(np.stack([layout_of(square) for square in squares]))
    mean = gradients.mean(0)
    _, values, components = torch.linalg.svd(gradients - mean, full_matrices=False)
    kept = components[:LAYOUT].T * _evened(values[:LAYOUT] / len(squares) ** 0.5)
    # Fewer pictures than numbers have fewer components; the others stay silent.
    projection = torch.zeros(gradients.shape[1], LAYOUT)
    projection[:, : kept.shape[1]] = kept
    return mean, projection.half()


def _evened(spread: Tensor) -> Tensor:
    """Return factors that make features alike loud, those that hardly ever speak less so."""
    return 1 / (spread + 0.5 * spread.mean())
