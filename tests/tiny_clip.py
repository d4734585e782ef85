"""Tiny CLIP and SigLIP models with random weights, and the custom features of their pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from imgassets.vision.custom_features import custom_features
from imgassets.vision.record import CustomFeatures
from imgassets.vision.search_schema import FEATURES_SCHEMA

SIDE, DIMENSION, WORDS = 32, 16, 24


def save_tiny_model(folder: Path, kind: str = "clip", seed: int = 0) -> Path:
    """Save a model, its tokeniser of single bytes and its image processor; return the folder.

    Args:
        folder: made if it is missing.
        kind: 'clip' or 'siglip'.
        seed: of its weights.
    """
    import torch
    import transformers
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    letters = sorted(ByteLevel.alphabet())
    symbols = [*letters, *(f"{one}</w>" for one in letters), "<|startoftext|>", "<|endoftext|>"]
    last = len(symbols) - 1
    layers = {"hidden_size": DIMENSION, "intermediate_size": 32, "num_hidden_layers": 2,
              "num_attention_heads": 2}  # fmt: skip
    text = {**layers, "vocab_size": len(symbols), "max_position_embeddings": WORDS,
            "bos_token_id": last - 1, "eos_token_id": last, "pad_token_id": last}  # fmt: skip
    vision = {**layers, "image_size": SIDE, "patch_size": 8}
    torch.manual_seed(seed)
    if kind == "clip":
        config = transformers.CLIPConfig(
            text_config=text, vision_config=vision, projection_dim=DIMENSION
        )
        model = transformers.CLIPModel(config)
    else:
        text["projection_size"] = DIMENSION
        config = transformers.SiglipConfig(text_config=text, vision_config=vision)
        model = transformers.SiglipModel(config)
        # What its authors start from; random initialisation leaves both at 0.
        model.logit_scale.data.fill_(math.log(10))
        model.logit_bias.data.fill_(-10)
    model.save_pretrained(folder)
    vocabulary = {symbol: number for number, symbol in enumerate(symbols)}
    transformers.CLIPTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    processor = transformers.CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    processor.save_pretrained(folder)
    return folder


def features_of(squares: Sequence[np.ndarray]) -> pl.DataFrame:
    """Return custom features of squares, as a decoding process takes them."""
    found = [custom_features(square) for square in squares]
    return pl.DataFrame(
        {name: [getattr(one, name) for one in found] for name in CustomFeatures._fields},
        {name: FEATURES_SCHEMA[name] for name in CustomFeatures._fields},
    )
