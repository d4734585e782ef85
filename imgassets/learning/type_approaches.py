"""The approaches to image types that compete (paper A, II-C): networks on embeddings, a block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning import type_block, type_net
from imgassets.learning.block_model import APPROACH as BLOCK
from imgassets.learning.type_block import TypeBlock
from imgassets.learning.type_net import Floats, TypeNet
from imgassets.learning.type_training import Answer, Candidate, Fit, answering, compete, head_fits

if TYPE_CHECKING:
    from imgassets.settings import Settings

MOST_BLOCK = 1200
"""Labels that a block is retrained on, at most: a CPU takes a minute for them."""

LEAST_BLOCK = 100
"""Held-out images that are enough to judge a block by: each part is a training of its own."""

BLOCK_LABELS = 200
"""Fewer labels than this are memorised by a block's hundreds of thousands of weights."""

AnyTypeModel = TypeNet | TypeBlock
Squares = Callable[[pl.DataFrame], NDArray[np.uint8]]
"""Loads the backbone's inputs, uint8 [n, side, side, 3], of rows with `image_id`."""


def compare_approaches(
    labelled: pl.DataFrame,
    matrix: Floats,
    settings: Settings,
    signals_version: str,
    squares: Squares | None,
) -> tuple[list[Candidate], dict[str, Callable[[], AnyTypeModel]]]:
    """Let every approach answer held-out images (paper A, tables II and III).

    Args:
        labelled: as in :func:`train_types`.
        matrix: float32 [n, d], its embeddings.
        settings: seed and backbone.
        signals_version: what made the embeddings.
        squares: loads pixels, to retrain the backbone's last block; None, or fewer labels than
            `BLOCK_LABELS`: it does not compete.

    Returns:
        The candidates, and approach to a function that fits its model on all labels.

    Raises:
        ValueError: too few labels, groups or classes.
    """
    seed, every = settings.seed, np.arange(labelled.height)
    heads = head_fits(labelled, matrix, seed, signals_version)
    candidates = compete(
        labelled, {name: answering(labelled, matrix, fit) for name, fit in heads.items()}, seed
    )
    fits: dict[str, Callable[[], AnyTypeModel]] = {
        name: partial(fit, every) for name, fit in heads.items()
    }
    if squares is not None and labelled.height >= BLOCK_LABELS:
        fit, final = _block_fit(labelled, settings, signals_version, squares)
        candidates += compete(labelled, {BLOCK: fit}, seed, least=LEAST_BLOCK)
        fits[BLOCK] = final
    return candidates, fits


def _block_fit(
    labelled: pl.DataFrame, settings: Settings, signals_version: str, squares: Squares
) -> tuple[Fit, Callable[[], TypeBlock]]:
    """Return the fit of a retrained block on some rows, and the one on all."""
    from imgassets.vision.last_block import load_last_block

    vision, labels = settings.vision, labelled["image_type"].to_numpy()
    hidden = load_last_block(vision).trunk(squares(labelled))

    def fit(rows: NDArray[np.intp]) -> TypeBlock:
        some = rows[:: -(-len(rows) // MOST_BLOCK)]
        return type_block.fit_block(
            vision, hidden[some], labels[some].tolist(), settings.seed, signals_version
        )

    def answers(rows: NDArray[np.intp]) -> Answer:
        made = fit(rows)
        return lambda held: (
            made.classes,
            type_net.softmax(type_block.logits_of(made.block, made.head, hidden[held])),
        )

    return answers, lambda: fit(np.arange(labelled.height))


def comparison_table(candidates: Sequence[Candidate]) -> pl.DataFrame:
    """Return a row per approach: approach, n, accuracy, macro_f1, ece, raw_ece, temperature."""
    return pl.DataFrame(
        [
            {
                "approach": c.approach,
                "n": c.evaluation.n,
                "accuracy": c.evaluation.accuracy,
                "macro_f1": c.macro_f1,
                "ece": c.ece,
                "raw_ece": c.raw_ece,
                "temperature": c.temperature,
            }
            for c in candidates
        ]
    )
