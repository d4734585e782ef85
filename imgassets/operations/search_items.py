"""Images and what is known of their products, looked at once for a search model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from imgassets.learning.search.data import ITEMS, Items
from imgassets.settings import VisionSettings
from imgassets.vision.inputs import InputSpec
from imgassets.vision.operator import Load
from imgassets.vision.search_features import look_at_images


def items_of(
    rows: pl.DataFrame,
    load: Load,
    spec: InputSpec,
    vision: VisionSettings,
    tell: Callable[[int], object] = lambda _: None,
) -> Items:
    """Look at images: squares for an encoder, and custom features.

    Args:
        rows: columns of :data:`imgassets.learning.search.data.ITEMS`; others are dropped.
        load: returns an item's picture by ``item_id``; called from several threads.
        spec: the encoder's input.
        vision: batch size and decoding processes.
        tell: called with the number of images that are done besides.

    Returns:
        The rows whose pictures could be decoded, by ``item_id``.
    """
    features, squares = [], []
    for seen, made in look_at_images(rows["item_id"].to_list(), load, spec, vision):
        features.append(seen)
        squares.append(made)
        tell(seen.height)
    whole = pl.concat(features)
    in_order = whole.with_row_index("place").sort("image_id")
    known = (
        rows.select(pl.col(name).cast(dtype) for name, dtype in ITEMS.items())
        .join(in_order.select(item_id="image_id"), on="item_id", how="semi")
        .sort("item_id")
    )
    return Items(
        known,
        np.concatenate(squares)[in_order["place"].to_numpy()],
        in_order.drop("place", "image_id"),
        spec,
    )
