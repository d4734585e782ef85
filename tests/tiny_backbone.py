"""Pretrained backbones that take no download: real architectures, a few thousand random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SIDE = 32

_TEXT = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "vocab_size": 50,
}  # fmt: skip


def write_backbone(folder: Path, kind: str = "vit", layers: int = 2) -> str:
    """Write a model with its processor as `transformers` reads them; return the folder's name."""
    import torch
    import transformers
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    _model(transformers, kind, layers).save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    processor = transformers.ViTImageProcessor(
        size=size, image_mean=[0.5, 0.4, 0.3], image_std=[0.5, 0.6, 0.7]
    )
    processor.save_pretrained(folder)
    return str(folder)


def coloured(truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return noisy squares of that side: reddish where true, bluish elsewhere."""
    rng = np.random.default_rng(seed)
    tone = np.where(truth[:, None], (190, 110, 70), (70, 110, 190))
    noise = rng.normal(0, 25, (len(truth), SIDE, SIDE, 3))
    return np.clip(tone[:, None, None] + noise, 0, 255).astype(np.uint8)


def _model(transformers: Any, kind: str, layers: int) -> Any:
    vision = {
        "hidden_size": 16, "num_hidden_layers": layers, "num_attention_heads": 2,
        "intermediate_size": 32, "image_size": SIDE, "patch_size": 8,
    }  # fmt: skip
    if kind == "vit":
        return transformers.ViTModel(transformers.ViTConfig(**vision, initializer_range=0.3))
    if kind == "dinov2":
        del vision["intermediate_size"]
        return transformers.Dinov2Model(transformers.Dinov2Config(**vision))
    if kind == "clip":
        config = transformers.CLIPConfig(text_config=_TEXT, vision_config=vision, projection_dim=12)
        return transformers.CLIPModel(config)
    if kind == "resnet":
        config = transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"
        )
        return transformers.ResNetModel(config)
    if kind == "convnext":
        config = transformers.ConvNextConfig(
            hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, image_size=SIDE
        )
        return transformers.ConvNextModel(config)
    raise ValueError(kind)
