"""The settings of ranking review photos, a group of :class:`imgassets.settings.Settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RankingSettings(BaseModel):
    """How customers' review photos are rated, and how the ranker is trained."""

    model_config = ConfigDict(extra="forbid")

    max_count: int = Field(
        1_000_000_000, ge=1, description="Votes or impressions of a photo above it are refused."
    )
    votes_note: str = Field(
        "", description="Said beside every figure that rests on votes, e.g. 'simulated votes'."
    )
    aesthetic_weights: Path | None = Field(
        None, description="idealo's published NIMA weights (HDF5) for aesthetics; default: none."
    )
    technical_weights: Path | None = Field(
        None, description="The same for technical quality; name both files or neither."
    )
    nima_backbone: str = Field(
        "",
        description="Hugging Face id or local folder of the vision model, e.g. a MobileNetV1, "
        "whose features NIMA's heads and the ranker read; empty: those of the general backbone.",
    )
    nima_revision: str | None = Field(None, description="Pinned revision of a hub model.")
    max_sources: int = Field(
        400, ge=10, description="Good images that are distorted to train on, at most."
    )
    holdout: float = Field(
        0.2, gt=0, lt=1, description="Share of the products or styles held out of training."
    )
    approach: Literal["", "siamese", "graded", "general", "measured"] = Field(
        "",
        description="How the ranker is trained; empty: all approaches compete, and each distortion "
        "is left out in turn to see what it teaches, which takes some forty trainings for one.",
    )
    pairs: int = Field(12_000, ge=100, description="Pairs that the ranker is trained on.")
    epochs: int = Field(20, ge=1, description="Times that each pair is seen.")
    margin: float = Field(1.0, gt=0, description="Of the pairwise hinge loss.")
    learning_rate: float = Field(1e-3, gt=0, description="Of AdamW.")
    weight_decay: float = Field(1e-2, ge=0, description="Of AdamW.")
