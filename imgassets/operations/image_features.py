"""Custom features of product images in three steps: plan what is missing, measure, collect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.operations.signal_shards import Load, SignalsKind
from imgassets.operations.signals import Measured
from imgassets.settings import RaySettings, Settings
from imgassets.vision.record import FEATURES_VERSION
from imgassets.vision.search_schema import FEATURES_SCHEMA
from imgassets.warehouse.contracts import ImageFeatures, Quarantine
from imgassets.warehouse.lake import Warehouse


def _outcomes(
    ids: Sequence[str], load: Load, settings: Settings, ray: RaySettings | None
) -> Iterator[pl.DataFrame]:
    # Loaded where it is used: it brings compiled kernels that a code location has no use for.
    from imgassets.vision.search_features import feature_outcomes

    return feature_outcomes(ids, load, settings, ray)


_KIND = SignalsKind(
    asset="image_features",
    table=ImageFeatures,
    stage="image_features",
    schema=FEATURES_SCHEMA,
    version=lambda _: FEATURES_VERSION,
    outcomes=_outcomes,
    version_column="features_version",
)


def plan_features(images: pl.DataFrame, warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Return the images whose features are missing; see :meth:`SignalsKind.plan`.

    Args:
        images: rows with an ``image_id``.
        warehouse: holds features measured before, in any partition.
        settings: name the store of what is not committed yet.
    """
    return _KIND.plan(images, warehouse, settings)


def infer_features(
    plan: pl.DataFrame,
    store: ImageStore,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Measure the planned images' features into shards; see :meth:`SignalsKind.infer`."""
    _KIND.infer(plan, store, settings, progress)


def collect_features(images: pl.DataFrame, warehouse: Warehouse, settings: Settings) -> Measured:
    """Return the rows of images of some partitions: features, or a quarantine row.

    Args:
        images: (day, category, image_id) rows.
        warehouse: holds features measured before, in any partition.
        settings: as when they were measured.

    Raises:
        RuntimeError: an image has no outcome; the asset has to be run again.
    """
    found = _KIND.collect(images, warehouse, settings)
    cells = images.select("day", "category", "image_id").unique()
    rows = cells.join(found.signals, on="image_id", how="inner")
    quarantine = cells.join(found.refused, on="image_id", how="inner").with_columns(
        stage=pl.lit(_KIND.stage)
    )
    empty = Quarantine.create_empty()
    return Measured(
        rows.select(ImageFeatures.column_names()).sort(ImageFeatures.primary_key()),
        pl.concat([empty, quarantine], how="diagonal").sort("day", "category", "image_id"),
        n_images=cells["image_id"].n_unique(),
    )
