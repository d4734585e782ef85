"""Joining the warehouse with fetching and measuring: what is known is never done again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.settings import VisionSettings
from imgassets.vision.backbones import signals_version
from imgassets.vision.engine import compute_signals
from imgassets.warehouse.contracts import (
    Contract,
    FeedFiles,
    FetchedImages,
    ImageSignals,
    Quarantine,
)
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition, quote


def known_fetches(warehouse: Warehouse, offers: pl.DataFrame) -> pl.DataFrame:
    """Return FetchedImages rows, of any day, for the locations that ``offers`` refer to."""
    if offers.is_empty():
        return FetchedImages.create_empty()
    categories = ", ".join(quote(c) for c in offers["category"].unique().sort())
    fetched = warehouse.read(FetchedImages, where=f"category IN ({categories})")
    return fetched.join(offers.select("image_location").unique(), on="image_location", how="semi")


def image_bases(warehouse: Warehouse) -> list[str]:
    """Return the image bases that registered feeds were given, sorted."""
    return sorted(set(warehouse.read(FeedFiles, columns=["image_base"])["image_base"]) - {""})


def rows_so_far(
    warehouse: Warehouse,
    contract: type[Contract],
    partitions: Iterable[Partition],
    products: pl.DataFrame,
) -> pl.DataFrame:
    """Return a table's rows of some products for all days up to the latest of ``partitions``."""
    wanted = list(partitions)
    if not wanted or products.is_empty():
        return contract.create_empty()
    categories = ", ".join(quote(c) for c in sorted({p.category for p in wanted}))
    last = quote(max(p.day for p in wanted))
    rows = warehouse.read(contract, where=f"category IN ({categories}) AND day <= {last}")
    keys = ["category", "product_id"]
    return rows.join(products.select(keys).unique(), on=keys, how="semi")


@dataclass(frozen=True)
class Measured:
    """Signals of a set of partitions: rows, refusals, and how many were computed or reused."""

    signals: pl.DataFrame
    quarantine: pl.DataFrame
    n_computed: int
    n_reused: int


def measure_images(
    aggregated: pl.DataFrame,
    warehouse: Warehouse,
    store: ImageStore,
    settings: VisionSettings,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Return the signals of every aggregated image, computing only what no partition holds yet.

    Args:
        aggregated: (day, category, product_id, image_id, image_urls) rows.
        warehouse: holds signals computed before, in any partition.
        store: holds the bytes.
        settings: backbone and batch sizes; with the algorithms they make the signals version.
        progress: called with (done, total) images.
    """
    version = signals_version(settings)
    cells = aggregated.select("day", "category", "image_id").unique()
    ids = cells.select("image_id").unique().sort("image_id")
    known = _known_signals(warehouse, ids, version)
    missing = ids.join(known.select("image_id"), on="image_id", how="anti")["image_id"].to_list()
    done = 0

    def count(batch: int) -> None:
        nonlocal done
        done += batch
        if progress is not None:
            progress(done, len(missing))

    result = compute_signals(missing, store.get, settings, count)
    per_image = pl.concat(
        [known, result.signals.select(known.columns).cast(dict(known.schema))]  # type: ignore[arg-type]
    )
    signals = cells.join(per_image, on="image_id", how="inner")
    quarantine = (
        aggregated.join(result.refused, on="image_id", how="inner")
        .with_columns(
            pl.lit("signals").alias("stage"),
            pl.col("image_urls").list.first().alias("image_url"),
            pl.lit(None, pl.String).alias("supplier_id"),
            pl.lit(None, pl.String).alias("feed_file"),
            pl.lit(None, pl.Int32).alias("feed_row"),
        )
        .select(Quarantine.column_names())
        .sort("day", "category", "product_id", "image_id")
    )
    keys = ImageSignals.primary_key()
    return Measured(
        signals.select(ImageSignals.column_names()).sort(keys),
        quarantine,
        n_computed=len(missing),
        n_reused=ids.height - len(missing),
    )


def _known_signals(warehouse: Warehouse, ids: pl.DataFrame, version: str) -> pl.DataFrame:
    """Return stored signals of ``ids`` at ``version``, one row per image, without a partition."""
    columns = [c for c in ImageSignals.column_names() if c not in ("day", "category")]
    select = ", ".join(f's."{c}"' for c in columns)
    schema = ImageSignals.create_empty().schema
    found = warehouse.sql(
        f"SELECT DISTINCT ON (s.image_id) {select} FROM image_signals AS s "
        f"SEMI JOIN wanted USING (image_id) WHERE s.signals_version = {quote(version)} "
        "ORDER BY s.image_id, s.day, s.category",
        wanted=ids,
    )
    return found.cast({c: schema[c] for c in columns})


def report_table(frame: pl.DataFrame, column: str) -> str:
    """Return the counts of a column's values as one line, most frequent first."""
    counts = frame.group_by(column).len().sort(["len", column], descending=[True, False])
    return ", ".join(f"{value} {count}" for value, count in counts.iter_rows()) or "none"
