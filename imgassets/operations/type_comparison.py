"""Comparing backbones and approaches on a category's labels (paper A, tables II and III)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_scopes import GLOBAL, MODEL, Scope, in_scope
from imgassets.operations.categories import category_types
from imgassets.operations.models import TrainingError
from imgassets.operations.pixels import load_squares
from imgassets.operations.reviews import known_types
from imgassets.settings import Settings
from imgassets.vision.backbones import load_backbone, signals_version
from imgassets.warehouse.lake import Warehouse

EXPERIMENT = f"{MODEL}.comparison"
"""MLflow experiment that comparisons are logged under."""


def compare_backbones(
    scope: Scope,
    backbones: Sequence[str],
    warehouse: Warehouse,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
    progress: Callable[[str], None] = lambda _: None,
) -> pl.DataFrame:
    """Let every approach on every backbone answer a scope's labels, held out in turn.

    The images are looked at again by each backbone: stored signals are of one. Nothing is promoted;
    the table is logged to MLflow.

    Args:
        scope: a category, or all of them.
        backbones: 'embedded', Hugging Face ids or local folders.
        warehouse: holds the labels.
        registry: where the comparison is logged.
        store: holds the pictures.
        settings: seed, device, whether a block is retrained.
        progress: told which backbone is at work.

    Returns:
        Frame (backbone, approach, n, accuracy, macro_f1, ece, raw_ece, temperature, seconds), in
        the order of the backbones; seconds are of looking and of training all that is compared on a
        backbone.

    Raises:
        TrainingError: there are no labels, or too few of them.
        RuntimeError: a backbone cannot be loaded; the message says what to do.
    """
    from imgassets.learning.type_approaches import compare_approaches, comparison_table

    warehouse.initialise()
    known = in_scope(known_types(warehouse), scope, category_types(warehouse))
    labelled = known.sort("product_id", "image_id")
    if labelled.is_empty():
        whose = "" if scope == GLOBAL else f" of {scope}"
        raise TrainingError(f"no labels{whose}: run `imgassets labels import FILE.csv`")
    tables = []
    for backbone in backbones:
        progress(backbone)
        started = time.monotonic()
        of = settings.model_copy(
            update={"vision": settings.vision.model_copy(update={"backbone": backbone})}
        )
        model = load_backbone(of.vision)
        squares = load_squares(labelled["image_id"].to_list(), store.get, of.vision, model.input)
        matrix = model.embed(squares)
        try:
            candidates, _ = compare_approaches(
                labelled,
                matrix,
                of,
                signals_version(of.vision),
                partial(_same, squares) if of.learning.retrain_block else None,
            )
        except ValueError as error:
            raise TrainingError(f"nothing can be compared on {scope}: {error}") from error
        tables.append(
            comparison_table(candidates).select(
                pl.lit(backbone).alias("backbone"),
                pl.all(),
                seconds=pl.lit(time.monotonic() - started),
            )
        )
    table = pl.concat(tables)
    registry.log_comparison(
        EXPERIMENT,
        params={"scope": str(scope), "n_labels": labelled.height, "backbones": list(backbones)},
        metrics={
            f"{row['backbone']}_{row['approach']}_{name}": float(row[name])
            for row in table.to_dicts()
            for name in ("accuracy", "macro_f1")
        },
        files={"comparison.csv": table.write_csv()},
    )
    return table


def _same(squares: NDArray[np.uint8], _images: pl.DataFrame) -> NDArray[np.uint8]:
    """Return the squares that were loaded already."""
    return squares
