"""Towers: squares of pixels in, the features out that NIMA's heads and the ranker read.

See :mod:`imgassets.vision.photo_version` for which there are. Features describe the picture as a
whole; none is of a face, and nobody is told apart by them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from imgassets.vision.backbones import EMBEDDED
from imgassets.vision.forward import ChunkedForward
from imgassets.vision.inputs import InputSpec
from imgassets.vision.keras_weights import read_nima_weights
from imgassets.vision.photo_version import tower_settings, towers_name, weight_files

if TYPE_CHECKING:
    from imgassets.settings import RankingSettings, VisionSettings

_SIDE = 224
"""Pixels of the square that a Keras MobileNet was trained on."""


class Towers(Protocol):
    """What all towers offer.

    Attributes:
        name: what they are called in a row's ``signals_version``.
        dimension: length of a picture's features.
        input: how they want their pictures; NIMA squeezes the whole picture into a square.
    """

    name: str
    dimension: int
    input: InputSpec

    def features(self, squares: np.ndarray) -> np.ndarray:
        """Return the features of pictures made by :func:`imgassets.vision.inputs.prepare`.

        A picture's features do not depend on the others of its batch.

        Args:
            squares: RGB, uint8, pictures × side × side × 3; may be empty.

        Returns:
            float32, pictures × dimension; not normalised.
        """
        ...


def load_towers(vision: VisionSettings, ranking: RankingSettings) -> Towers | None:
    """Load the towers that the settings name; None: the general backbone's embedding is read.

    Raises:
        RuntimeError: they cannot be loaded; the message says what to do.
    """
    name = towers_name(vision, ranking)
    if (files := weight_files(ranking)) is not None:
        return KerasTowers(files, vision, name)
    if not ranking.nima_backbone:
        return None
    if ranking.nima_backbone == EMBEDDED:
        raise RuntimeError(
            "ranking.nima_backbone is to name a model of its own: leave it empty, and the features "
            "of the general backbone are read"
        )
    return PretrainedTower(tower_settings(vision, ranking), name)


class KerasTowers:
    """idealo's two networks: the features for aesthetics, then those for technical quality.

    Args:
        files: of the aesthetic and the technical weights.
        settings: device, and threads of a forward pass on a CPU.
        name: see :class:`Towers`.
    """

    input = InputSpec(_SIDE, "squeeze")

    def __init__(self, files: tuple[Path, Path], settings: VisionSettings, name: str) -> None:
        import torch

        from imgassets.vision.pretrained import device_of

        self.name = name
        device = device_of(settings.device, torch)
        torch.set_num_threads(max(1, settings.workers))
        models = [load_mobilenet(path).to(device) for path in files]

        def network(pixels: Any) -> Any:  # noqa: ANN401  torch tensors
            return torch.cat([model(pixels).pooler_output for model in models], dim=1)

        # Keras' preprocess_input is pixels / 127.5 - 1, which is this.
        self._forward = ChunkedForward(network, _SIDE, [0.5] * 3, [0.5] * 3, device)
        self.dimension = self._forward.dimension

    def features(self, squares: np.ndarray) -> np.ndarray:
        """Return features; see :meth:`Towers.features`."""
        return self._forward(squares)


class PretrainedTower:
    """One vision model's pooled output, of any architecture that ``transformers`` can load.

    Args:
        settings: the model is their backbone.
        name: see :class:`Towers`.
    """

    def __init__(self, settings: VisionSettings, name: str) -> None:
        from imgassets.vision.pretrained import PretrainedNetwork

        self.name = name
        network = PretrainedNetwork(settings)
        self.input = InputSpec(network.input.side, "squeeze")
        self._forward = network.forward()
        self.dimension = self._forward.dimension

    def features(self, squares: np.ndarray) -> np.ndarray:
        """Return features; see :meth:`Towers.features`."""
        return self._forward(squares)


def load_mobilenet(path: Path) -> Any:  # noqa: ANN401  a transformers model
    """Load a file of Keras weights into ``transformers``' MobileNetV1, ready to answer.

    Raises:
        RuntimeError: see :func:`imgassets.vision.keras_weights.read_nima_weights`.
    """
    import torch
    from transformers import MobileNetV1Config, MobileNetV1Model

    # As Keras has it: padding at the end, and its epsilon of the normalisation.
    config = MobileNetV1Config(
        image_size=_SIDE, tf_padding=True, hidden_act="relu6", layer_norm_eps=1e-3
    )
    model = MobileNetV1Model(config)
    weights = {k: torch.from_numpy(array) for k, array in read_nima_weights(path).tower.items()}
    counters = {k: v for k, v in model.state_dict().items() if k.endswith("num_batches_tracked")}
    model.load_state_dict(weights | counters)
    return model.eval()
