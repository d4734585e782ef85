"""Backbones from Hugging Face: any vision model that ``transformers`` can load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imgassets.vision.forward import ChunkedForward
from imgassets.vision.inputs import InputSpec

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings


class PretrainedBackbone:
    """A Hugging Face vision model: the whole picture padded to a square, pooled output."""

    def __init__(self, settings: VisionSettings, name: str) -> None:
        from torch.nn.functional import normalize

        self.name = name
        network = PretrainedNetwork(settings)
        self.input = network.input
        self._forward = network.forward(lambda vectors: normalize(vectors, dim=1))
        self.dimension = self._forward.dimension

    def embed(self, squares: np.ndarray) -> np.ndarray:
        """Embed pictures; see :meth:`Backbone.embed`."""
        return self._forward(squares)


class PretrainedNetwork:
    """A loaded model, ready to be fed.

    Args:
        settings: the model, its device, and threads of a forward pass on a CPU.

    Attributes:
        input: how its pictures are prepared for a backbone.

    Raises:
        RuntimeError: there is no such vision model.
    """

    def __init__(self, settings: VisionSettings) -> None:
        import torch

        self._device = device_of(settings.device, torch)
        torch.set_num_threads(max(1, settings.workers))
        self._model, self._processor = load_pretrained(settings)
        self._model.eval().to(self._device)
        self.input = input_spec(self._processor, self._model.config)

    def forward(self, finish: Callable[[Any], Any] | None = None) -> ChunkedForward:
        """Return what turns squares into the pooled output, float32 [n, d].

        Args:
            finish: applied to the pooled output, if given.
        """
        mean, std = (
            values or [0.5] * 3
            for values in (self._processor.image_mean, self._processor.image_std)
        )

        def network(pixels: Any) -> Any:  # noqa: ANN401  torch tensors
            vectors = pooled(self._model, pixels).float().flatten(1)
            return vectors if finish is None else finish(vectors)

        return ChunkedForward(network, self.input.side, mean, std, self._device)


def device_of(wanted: str, torch: Any) -> Any:  # noqa: ANN401 (torch is not imported here)
    """Return the torch device that a setting names; 'auto' takes a GPU where there is one."""
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def load_pretrained(settings: VisionSettings) -> tuple[Any, Any]:
    """Load model and processor from a local folder or the hub.

    Raises:
        RuntimeError: neither has such a vision model.
    """
    from transformers import AutoImageProcessor, AutoModel

    # Weights in a pickle are code that would run here: a model without safetensors is refused.
    model = _load(settings, AutoModel, use_safetensors=True)
    return model, _load(settings, AutoImageProcessor)


def pretrained_input(settings: VisionSettings) -> InputSpec:
    """Return how a model wants its pictures, without loading its weights.

    Raises:
        RuntimeError: there is no such vision model.
    """
    from transformers import AutoConfig, AutoImageProcessor

    return input_spec(_load(settings, AutoImageProcessor), _load(settings, AutoConfig))


def _load(settings: VisionSettings, kind: Any, **how: bool) -> Any:  # noqa: ANN401
    try:
        return from_pretrained(kind, settings.backbone, settings.backbone_revision, **how)
    except (OSError, ValueError) as error:
        raise RuntimeError(
            f"backbone {settings.backbone!r} cannot be loaded ({str(error).splitlines()[0]}); "
            "name a Hugging Face vision model id, a folder that holds one (with its weights as "
            "safetensors), or 'embedded'"
        ) from error


def from_pretrained(kind: Any, source: str, revision: str | None, **how: Any) -> Any:  # noqa: ANN401
    """Return what an Auto class of transformers makes of a model, quietly.

    Args:
        kind: the Auto class.
        source: a model's id, or a local folder.
        revision: of a model on the hub; None takes 'main'.
        how: further options.

    Raises:
        OSError: there is no such model, or a file is missing.
        ValueError: the class cannot make this kind of model.
    """
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = Path(source).expanduser()
    named = str(folder) if folder.is_dir() else source
    return kind.from_pretrained(named, revision=revision or "main", **how)


def input_spec(processor: Any, config: Any) -> InputSpec:  # noqa: ANN401
    """Return the whole picture, padded to a square of the model's side."""
    return InputSpec(side_of(processor, config), "pad")


def side_of(processor: Any, config: Any) -> int:  # noqa: ANN401
    """Return the model's input side: its configuration's, else the processor's crop or size."""
    config = getattr(config, "vision_config", config)
    side = getattr(config, "image_size", None)
    if isinstance(side, (list, tuple)):
        side = side[0]
    if isinstance(side, int) and side > 0:
        return side
    for size in (getattr(processor, "crop_size", None), getattr(processor, "size", None)):
        for key in ("height", "shortest_edge"):
            if size and size.get(key):
                return int(size[key])
    return 224


def pooled(model: Any, pixels: Any) -> Any:  # noqa: ANN401
    """Return one vector per picture, of text-image models their image side's."""
    if hasattr(model, "get_image_features"):
        output = model.get_image_features(pixel_values=pixels)
    else:
        output = model(pixel_values=pixels)
    if hasattr(output, "pooler_output") and output.pooler_output is not None:
        return output.pooler_output
    if hasattr(output, "last_hidden_state"):
        hidden = output.last_hidden_state
        return hidden[:, 0] if hidden.ndim == 3 else hidden.mean((2, 3))
    return output
