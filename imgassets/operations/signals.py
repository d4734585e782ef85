"""Signals of product images in three steps: plan what is missing, infer it, collect the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.operations.signal_shards import Load, SignalShards, SignalsKind
from imgassets.settings import RaySettings, Settings
from imgassets.vision.backbones import signals_version
from imgassets.vision.schema import SIGNALS_SCHEMA
from imgassets.warehouse.contracts import ImageSignals, Quarantine
from imgassets.warehouse.lake import Warehouse


@dataclass(frozen=True)
class Measured:
    """Signals of a set of partitions: rows, refusals, and how many were reused."""

    signals: pl.DataFrame
    quarantine: pl.DataFrame
    n_images: int


def _outcomes(
    ids: Sequence[str], load: Load, settings: Settings, ray: RaySettings | None
) -> Iterator[pl.DataFrame]:
    # Loaded where it is used: it brings compiled kernels that a code location has no use for.
    from imgassets.vision.engine import outcomes_of

    return outcomes_of(ids, load, settings.vision, ray)


_KIND = SignalsKind(
    asset="image_signals",
    table=ImageSignals,
    stage="signals",
    schema=SIGNALS_SCHEMA,
    version=lambda settings: signals_version(settings.vision),
    outcomes=_outcomes,
)


def open_shards(settings: Settings) -> SignalShards:
    """Return the shards of the present signals version."""
    return _KIND.shards(settings)


def plan_signals(
    aggregated: pl.DataFrame, warehouse: Warehouse, settings: Settings
) -> pl.DataFrame:
    """Return the images whose signals are missing; see :meth:`SignalsKind.plan`."""
    return _KIND.plan(aggregated, warehouse, settings)


def infer_signals(
    plan: pl.DataFrame,
    store: ImageStore,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Compute the planned images' signals into shards; see :meth:`SignalsKind.infer`."""
    _KIND.infer(plan, store, settings, progress)


def collect_signals(aggregated: pl.DataFrame, warehouse: Warehouse, settings: Settings) -> Measured:
    """Return the rows of every aggregated image: signals, or a quarantine row.

    Args:
        aggregated: (day, category, product_id, image_id, image_urls) rows.
        warehouse: holds signals computed before, in any partition.
        settings: as when the signals were inferred.

    Raises:
        RuntimeError: an image has no outcome; the asset has to be run again.
    """
    found = _KIND.collect(aggregated, warehouse, settings)
    return measured_rows(aggregated, found.signals, found.refused)


def measured_rows(
    aggregated: pl.DataFrame, signals: pl.DataFrame, refused: pl.DataFrame
) -> Measured:
    """Return the rows of aggregated images: signals, or a quarantine row.

    Args:
        aggregated: (day, category, product_id, image_id, image_urls) rows.
        signals: of distinct images, without a partition.
        refused: images that do not decode, in :class:`imgassets.vision.schema.SignalsResult`.
    """
    cells = aggregated.select("day", "category", "image_id").unique()
    rows = cells.join(signals, on="image_id", how="inner")
    quarantine = aggregated.join(refused, on="image_id", how="inner").with_columns(
        pl.lit("signals").alias("stage"),
        pl.col("image_urls").list.first().alias("image_url"),
        pl.lit(None, pl.String).alias("supplier_id"),
        pl.lit(None, pl.String).alias("feed_file"),
        pl.lit(None, pl.Int32).alias("feed_row"),
    )
    return Measured(
        rows.select(ImageSignals.column_names()).sort(ImageSignals.primary_key()),
        quarantine.select(Quarantine.column_names()).sort(
            "day", "category", "product_id", "image_id"
        ),
        n_images=cells["image_id"].n_unique(),
    )
