"""What the gallery shows, as frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from imgassets.gallery.scoreboard import ScoreRow

KEY = ("day", "category", "product_id")

_DIFFERENCES = {
    "day": pl.Date, "category": pl.String, "product_id": pl.String, "image_id": pl.String,
    "other_image_id": pl.String, "top": pl.Float32, "left": pl.Float32, "height": pl.Float32,
    "width": pl.Float32, "probability": pl.Float32,
}  # fmt: skip

COLUMNS: dict[str, tuple[str, ...]] = {
    "products": (*KEY, "title", "status"),
    "before": (*KEY, "supplier_id", "position", "image_url", "image_id", "refusal"),
    "after": (*KEY, "rank", "image_id", "image_type", "is_hero", "reason"),
    "left_out": (*KEY, "image_id", "reason", "rule"),
    "differences": tuple(_DIFFERENCES),
}
"""Columns that each frame of :class:`GalleryData` must have."""


@dataclass(frozen=True)
class GalleryData:
    """Everything one gallery page shows.

    Attributes:
        products: ``day, category, product_id, title, status``; the status is one of
            ``ImageSetChanges``. Of a product with several days only the newest is shown.
        before: ``day, category, product_id, supplier_id, position, image_url, image_id, refusal``:
            each supplier's images as sent. A refused one has the reason, one sentence, in
            ``refusal``; its ``image_id`` may be null.
        after: The columns of ``OrderedImageSets``.
        left_out: ``day, category, product_id, image_id, reason, rule`` and, where known,
            ``twin_image_id``: the image that a duplicate repeats.
        differences: ``day, category, product_id, image_id, other_image_id, top, left, height,
            width, probability``: where the image differs most from another of its product and type
            that it was laid over, as shares of its own picture, and the comparator's probability
            that both show the same. Of each pair there is a row for either image.
        summary: Headline numbers by label, in the order they are shown.
        scoreboard: Rows of :func:`imgassets.gallery.scoreboard.score`; none: no scoreboard.
    """

    products: pl.DataFrame
    before: pl.DataFrame
    after: pl.DataFrame
    left_out: pl.DataFrame
    differences: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_DIFFERENCES))
    summary: Mapping[str, int | float | str] = field(default_factory=dict)
    scoreboard: Sequence[ScoreRow] = ()

    def __post_init__(self) -> None:
        """Check that every frame has its columns.

        Raises:
            ValueError: a column is missing; the message names the frame and the columns.
        """
        for name, columns in COLUMNS.items():
            missing = [c for c in columns if c not in getattr(self, name).columns]
            if missing:
                raise ValueError(f"gallery frame '{name}' lacks: {', '.join(missing)}")
