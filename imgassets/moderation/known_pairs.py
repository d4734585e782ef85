"""What people have said about pairs of images: whether both show the same."""

from __future__ import annotations

import polars as pl

from imgassets.moderation.flags import SAME_PICTURE
from imgassets.moderation.pair_tasks import SAME


def known_pairs(verdicts: pl.DataFrame, tasks: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs about which people decided.

    Images are their content, so an answer holds in every product and category that has both. Where
    reviewers contradict each other, or all are unsure, nothing is known. What follows from several
    pairs together (one is the same as two that differ) is for whoever groups them to settle.

    Args:
        verdicts: as :func:`imgassets.moderation.answers.verdicts` returns them, of any flag.
        tasks: task_id, other_image_id.

    Returns:
        left_image_id < right_image_id, same; one row per pair, sorted by it.
    """
    return (
        verdicts.filter(pl.col("flag") == SAME_PICTURE, "decided")
        .join(tasks, on="task_id")
        .select(
            left_image_id=pl.min_horizontal("image_id", "other_image_id"),
            right_image_id=pl.max_horizontal("image_id", "other_image_id"),
            same=pl.col("verdict") == SAME,
        )
        .sort("left_image_id", "right_image_id")
    )
