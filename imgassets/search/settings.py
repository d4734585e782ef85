"""The settings of text search over images, a group of :class:`imgassets.settings.Settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DUAL = "dual"
"""Name of the encoder that is trained here and needs no download."""


class SearchSettings(BaseModel):
    """How images are embedded, found and re-ranked by text, and how the models are trained."""

    model_config = ConfigDict(extra="forbid")

    encoder: str = Field(
        DUAL,
        description="'dual': the general backbone and a small text encoder, trained on the "
        "catalog's own images and titles; or the Hugging Face id or local folder of a CLIP or "
        "SigLIP model.",
    )
    encoder_revision: str | None = Field(None, description="Pinned revision of a hub model.")
    dimension: int = Field(128, ge=8, le=1024, description="Length of the dual encoder's vectors.")
    holdout: float = Field(
        0.25, gt=0, lt=1, description="Share of the styles held out of the catalog's training."
    )
    max_images: int = Field(
        10_000, ge=100, description="Images that a training reads, at most, drawn by hash."
    )
    epochs: int = Field(30, ge=1, description="Times that the dual encoder sees each image.")
    learning_rate: float = Field(1e-3, gt=0, description="Of the dual encoder's AdamW.")
    lora_rank: int = Field(
        8, ge=0, le=256, description="Rank of LoRA's matrices; 0: no fine-tuning of the backbone."
    )
    lora_epochs: int = Field(4, ge=1, description="Times that fine-tuning sees each image.")
    lora_learning_rate: float = Field(3e-4, gt=0, description="Of fine-tuning's AdamW.")
    keep_ability: float = Field(
        0.02, ge=0, le=1,
        description="Share of its former ability that a model may lose by fine-tuning; what goes "
        "beyond is taken back by interpolating with its former weights.",
    )  # fmt: skip
    reranker: Literal["", "pointwise", "pairwise", "listwise"] = Field(
        "", description="The re-ranker's loss; empty: they compete on the tuning part."
    )
    depth: int = Field(100, ge=10, le=10_000, description="Images that are re-ranked per query.")
    ann_from: int = Field(
        200_000,
        ge=1,
        description="Vectors from which an approximate index answers; below, all are compared.",
    )
    attributes: Path | None = Field(
        None,
        description="TOML of attributes and the words that name their values; default: the shipped "
        "one (colour, sleeve length, neckline, pattern …).",
    )
