"""Retraining a backbone's last block for a flag: trunk once, then folds and a final fit."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from imgassets.learning.block_model import BlockModel, answer, fit
from imgassets.learning.flag_training import Squares, Trained, judge, trained_on
from imgassets.vision.last_block import load_last_block

if TYPE_CHECKING:
    from imgassets.settings import LearningSettings, ReviewSettings, VisionSettings

MOST = 1200
"""Examples that a block is trained on, at most: a CPU takes a minute for them."""

_FOLDS = 2
"""Folds out of which limits are chosen; each is a training of its own."""


def subset(train: pl.DataFrame) -> pl.DataFrame:
    """Return the examples that a block is trained on: all judged and synthetic ones come first."""
    rank = pl.col("origin").replace_strict(
        {"label": 0, "answer": 0, "synthetic": 1, "presumed": 2}, default=2
    )
    ranked = train.with_columns(rank=rank).sort("rank", "example_id").head(MOST)
    return ranked.drop("rank").sort("example_id")


def train_block(
    flag: str,
    train: pl.DataFrame,
    squares: Squares,
    vision: VisionSettings,
    learning: LearningSettings,
    review: ReviewSettings,
    seed: int,
    signals_version: str,
) -> Trained:
    """Retrain the last block.

    Args:
        flag: the flag.
        train: the training part, as :func:`subset` returns it.
        squares: loads the examples' pixels.
        vision: the backbone and the device.
        learning: share of good images that a limit may discard.
        review: precision that rejecting needs.
        seed: of folds and batches.
        signals_version: the backbone's.

    Raises:
        RuntimeError: the backbone has no last block.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    y, groups = train["value"].to_numpy(), train["group_id"].to_numpy()
    hidden = load_last_block(vision).trunk(squares(train))
    p = np.full(len(y), float(y.mean()))
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    for fitted, held in splitter.split(np.zeros(len(y)), y, groups):
        if len(np.unique(y[fitted])) < 2:
            continue
        block = load_last_block(vision)
        head = fit(block, hidden[fitted], y[fitted], seed)
        p[held] = answer(block, head, hidden[held])
    limits, tuned = judge(train, p, learning, review)
    block = load_last_block(vision)
    head = fit(block, hidden, y, seed)
    model = BlockModel(flag, block, head, asdict(limits), signals_version, trained_on(train))
    return Trained(model, tuned, p)
