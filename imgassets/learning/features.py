"""What a head of a flag reads: stored signals and the embedding, one row of numbers per image."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

SCALARS = (
    "sharpness",
    "foreground_fraction",
    "background_whiteness",
    "background_pure_white",
    "object_extent",
    "detail",
    "colourfulness",
)
"""Signals that stand before the embedding. Width and height are not among them: resolution is
judged by measure, and synthetic examples must not be told apart by their size."""


def feature_matrix(images: pl.DataFrame) -> NDArray[np.float32]:
    """Return the features of images.

    Args:
        images: the columns `SCALARS` and `embedding` (lists of d floats, of one length).

    Returns:
        float32 [n, len(SCALARS) + d]; [0, 0] of an empty frame.

    Raises:
        ValueError: the embeddings have several lengths.
    """
    if images.is_empty():
        return np.zeros((0, 0), dtype=np.float32)
    scalars = images.select(pl.col(SCALARS).cast(pl.Float32)).to_numpy()
    return np.ascontiguousarray(np.hstack([scalars, embedding_matrix(images)]), dtype=np.float32)


def embedding_matrix(images: pl.DataFrame) -> NDArray[np.float32]:
    """Return the column `embedding` as float32 [n, d]; [0, 0] of an empty frame.

    Raises:
        ValueError: the embeddings have several lengths.
    """
    if images.is_empty():
        return np.zeros((0, 0), dtype=np.float32)
    lengths = images["embedding"].list.len().unique().to_list()
    if len(lengths) != 1 or not lengths[0]:
        raise ValueError(f"embeddings must have one length, found {sorted(map(str, lengths))}")
    flat = images["embedding"].list.explode().to_numpy()
    return np.asarray(flat, dtype=np.float32).reshape(images.height, lengths[0])
