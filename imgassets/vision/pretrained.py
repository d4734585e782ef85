"""Backbones from Hugging Face: any vision model that ``transformers`` can load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

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
        self._device = _device(settings.device, torch)
        torch.set_num_threads(max(1, settings.workers))
        self._model, processor = _load_pretrained(settings)
        self._model.eval().to(self._device)
        self._side = _side_of(processor, self._model.config)
        self._mean = np.array(processor.image_mean or [0.5] * 3, np.float32)
        self._std = np.array(processor.image_std or [0.5] * 3, np.float32)
        self.dimension = self.embed([np.zeros((8, 8, 3), np.uint8)]).shape[1]

    def embed(self, batch: list[np.ndarray]) -> np.ndarray:
        """Embed pictures; see :meth:`Backbone.embed`."""
        if not batch:
            return np.empty((0, self.dimension), np.float32)
        chunk = len(batch) if self._device.type == "cuda" else _CPU_CHUNK
        parts = [self._forward(batch[at : at + chunk]) for at in range(0, len(batch), chunk)]
        return np.concatenate(parts)

    def _forward(self, batch: list[np.ndarray]) -> np.ndarray:
        torch = self._torch
        squares = np.stack([square_of(picture, self._side) for picture in batch])
        pixels = (squares.astype(np.float32) / 255.0 - self._mean) / self._std
        tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
        half = self._device.type == "cuda"
        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=half):
            pooled = _pooled(self._model, tensor.to(self._device))
        vectors = pooled.float().flatten(1)
        normalised: np.ndarray = torch.nn.functional.normalize(vectors, dim=1).cpu().numpy()
        return normalised


def square_of(picture: np.ndarray, side: int) -> np.ndarray:
    """Fit a picture into a white square without cutting anything off.

    Args:
        picture: RGB, uint8.
        side: pixels of the square's side.

    Returns:
        RGB, uint8, side × side × 3.
    """
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = cv2.resize(
        picture, size, interpolation=method
    )
    return square


def _device(wanted: str, torch: Any) -> Any:  # noqa: ANN401 (torch is not imported here)
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def _load_pretrained(settings: VisionSettings) -> tuple[Any, Any]:
    """Load model and processor from a local folder or the hub."""
    from transformers import AutoImageProcessor, AutoModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    source = str(Path(settings.backbone).expanduser())
    if not Path(source).is_dir():
        source = settings.backbone
    revision = settings.backbone_revision or "main"
    try:
        model = AutoModel.from_pretrained(source, revision=revision)
        processor = AutoImageProcessor.from_pretrained(source, revision=revision)
    except (OSError, ValueError) as error:
        raise RuntimeError(
            f"backbone {settings.backbone!r} cannot be loaded ({str(error).splitlines()[0]}); "
            "name a Hugging Face vision model id, a folder that holds one, or 'embedded'"
        ) from error
    return model, processor


def _side_of(processor: Any, config: Any) -> int:  # noqa: ANN401
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


def _pooled(model: Any, pixels: Any) -> Any:  # noqa: ANN401
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
