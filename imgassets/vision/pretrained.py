"""Backbones from Hugging Face: any vision model that ``transformers`` can load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imgassets.vision.inputs import InputSpec

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings


_CPU_CHUNK = 4
"""Pictures in one forward pass on a CPU: activations of more leave its caches, and the pages they
are freshly allocated in cost more than the arithmetic (measured on MobileNetV2, 2 cores: 53
pictures/s in fours, 8 in thirty-twos)."""


class PretrainedBackbone:
    """A Hugging Face vision model: the whole picture padded to a square, pooled output."""

    def __init__(self, settings: VisionSettings, name: str) -> None:
        import torch

        self.name = name
        self._torch = torch
        self._device = device_of(settings.device, torch)
        torch.set_num_threads(max(1, settings.workers))
        self._model, processor = load_pretrained(settings)
        self._model.eval().to(self._device)
        self.input = input_spec(processor, self._model.config)
        self._mean, self._std = (
            torch.tensor(values or [0.5] * 3, device=self._device).view(1, 3, 1, 1)
            for values in (processor.image_mean, processor.image_std)
        )
        blank = np.zeros((1, self.input.side, self.input.side, 3), np.uint8)
        self.dimension = self._forward(blank).shape[1]

    def embed(self, squares: np.ndarray) -> np.ndarray:
        """Embed pictures; see :meth:`Backbone.embed`."""
        if not len(squares):
            return np.empty((0, self.dimension), np.float32)
        chunk = len(squares) if self._device.type == "cuda" else _CPU_CHUNK
        # Always whole chunks: kernels are chosen by shape, and another kernel rounds differently.
        missing = -len(squares) % chunk
        blanks = np.zeros((missing, *squares.shape[1:]), np.uint8)
        padded = np.concatenate([squares, blanks]) if missing else squares
        parts = [self._forward(padded[at : at + chunk]) for at in range(0, len(padded), chunk)]
        return np.concatenate(parts)[: len(squares)]

    def _forward(self, squares: np.ndarray) -> np.ndarray:
        """Run one batch; bytes travel to the device, normalisation happens there."""
        torch = self._torch
        pixels = torch.from_numpy(squares)
        on_gpu = self._device.type == "cuda"
        if on_gpu:
            pixels = pixels.pin_memory()
        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=on_gpu):
            pixels = pixels.to(self._device, non_blocking=True).permute(0, 3, 1, 2).float()
            scaled = (pixels / 255.0 - self._mean) / self._std
            vectors = pooled(self._model, scaled.contiguous()).float().flatten(1)
            normalised: np.ndarray = torch.nn.functional.normalize(vectors, dim=1).cpu().numpy()
        return normalised


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

    return _load(settings, AutoModel), _load(settings, AutoImageProcessor)


def pretrained_input(settings: VisionSettings) -> InputSpec:
    """Return how a model wants its pictures, without loading its weights.

    Raises:
        RuntimeError: there is no such vision model.
    """
    from transformers import AutoConfig, AutoImageProcessor

    return input_spec(_load(settings, AutoImageProcessor), _load(settings, AutoConfig))


def _load(settings: VisionSettings, kind: Any) -> Any:  # noqa: ANN401  an Auto class, what it makes
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = Path(settings.backbone).expanduser()
    source = str(folder) if folder.is_dir() else settings.backbone
    try:
        return kind.from_pretrained(source, revision=settings.backbone_revision or "main")
    except (OSError, ValueError) as error:
        raise RuntimeError(
            f"backbone {settings.backbone!r} cannot be loaded ({str(error).splitlines()[0]}); "
            "name a Hugging Face vision model id, a folder that holds one, or 'embedded'"
        ) from error


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
