"""Signals of review photos in three steps: plan what is missing, infer it, collect the rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.operations.signal_shards import Load, SignalsKind, forget_in_shards
from imgassets.operations.signals import Measured
from imgassets.settings import RaySettings, Settings
from imgassets.vision.photo_schema import PHOTO_SCHEMA
from imgassets.vision.photo_version import photo_signals_version
from imgassets.warehouse.contracts import Quarantine, ReviewSignals
from imgassets.warehouse.lake import Warehouse


def _outcomes(
    ids: Sequence[str], load: Load, settings: Settings, ray: RaySettings | None
) -> Iterator[pl.DataFrame]:
    # Loaded where it is used: it brings compiled kernels that a code location has no use for.
    from imgassets.vision.photo_signals import photo_outcomes

    return photo_outcomes(ids, load, settings, ray)


_KIND = SignalsKind(
    asset="review_signals",
    table=ReviewSignals,
    stage="review_signals",
    schema=PHOTO_SCHEMA,
    version=photo_signals_version,
    outcomes=_outcomes,
)


def plan_review_signals(
    fetched: pl.DataFrame, warehouse: Warehouse, settings: Settings
) -> pl.DataFrame:
    """Return the photos whose signals are missing; see :meth:`SignalsKind.plan`.

    Args:
        fetched: rows with an ``image_id``.
        warehouse: holds signals computed before, in any partition.
        settings: backbones; they make the version.
    """
    return _KIND.plan(fetched, warehouse, settings)


def infer_review_signals(
    plan: pl.DataFrame,
    store: ImageStore,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Compute the planned photos' signals into shards; see :meth:`SignalsKind.infer`."""
    _KIND.infer(plan, store, settings, progress)


def collect_review_signals(
    fetched: pl.DataFrame, warehouse: Warehouse, settings: Settings
) -> Measured:
    """Return the rows of every fetched photo: signals, or quarantine rows.

    Args:
        fetched: (day, category, product_id, image_location, image_id) rows.
        warehouse: holds signals computed before, in any partition.
        settings: as when the signals were inferred.

    Raises:
        RuntimeError: a photo has no outcome; the asset has to be run again.
    """
    found = _KIND.collect(fetched, warehouse, settings)
    cells = fetched.select("day", "category", "image_id").unique()
    rows = cells.join(found.signals, on="image_id", how="inner")
    named = fetched.select("day", "category", "product_id", "image_location", "image_id").unique()
    quarantine = named.join(found.refused, on="image_id", how="inner").with_columns(
        stage=pl.lit(_KIND.stage),
        image_url="image_location",
        supplier_id=pl.lit(None, pl.String),
        feed_file=pl.lit(None, pl.String),
        feed_row=pl.lit(None, pl.Int32),
    )
    return Measured(
        rows.select(ReviewSignals.column_names()).sort(ReviewSignals.primary_key()),
        quarantine.select(Quarantine.column_names()).sort(
            "day", "category", "product_id", "image_id", "image_url"
        ),
        n_images=cells["image_id"].n_unique(),
    )


def forget_signals(image_ids: Collection[str], settings: Settings) -> None:
    """Delete what is computed of some photos, by any version, and not yet committed."""
    forget_in_shards(settings.signal_shards, image_ids)
