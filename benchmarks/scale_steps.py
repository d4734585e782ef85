"""The steps of `benchmarks/scale.py`: what an asset's body does, for one rectangle at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import polars as pl
from scale_catalog import (
    DAYS_AFTER,
    FIRST_DAY,
    VIEWS,
    Catalog,
    fetched_rows,
    signal_rows,
    type_rows,
    write_engagement,
    write_feeds,
)

from imgassets.ingest.aggregate import aggregate
from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.operations import state
from imgassets.operations.duplicates import deduplicate
from imgassets.operations.feeds import load_feeds, register_feeds
from imgassets.operations.flags import told_values
from imgassets.operations.image_matches import MEMORY, match_images, shared_images
from imgassets.operations.images import known_fetches, rows_so_far
from imgassets.operations.impact import estimate_partitions, plan_estimates
from imgassets.operations.interventions import derive_interventions
from imgassets.operations.planning import plan
from imgassets.operations.selection import order_products
from imgassets.selection import ordering
from imgassets.selection.quality import score_quality
from imgassets.settings import DedupSettings, Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComparedPairs,
    ComplianceFlags,
    Contract,
    DedupClusters,
    FetchedImages,
    ImageSetChanges,
    ImageSignals,
    ImageTypes,
    OrderedImageSets,
    PartitionState,
    QualityScores,
    Quarantine,
    SupplierOffers,
    TypePriorities,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition

Rows = dict[type[Contract], pl.DataFrame]
_CELL = ["day", "category"]
_QUALITY_COLUMNS = ("image_id", "sharpness", "foreground_fraction", "detail")


@dataclass
class Bench:
    """One catalog in a home of its own.

    Attributes:
        home: its folder.
        catalog: how large it is.
    """

    home: Path
    catalog: Catalog

    def start(self) -> None:
        """Take the time from here on."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> tuple[float, float]:
        """Return seconds of the wall and of all cores since the start."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu

    @cached_property
    def settings(self) -> Settings:
        """Return settings that ask for no pixels."""
        return Settings(home=self.home, dedup=DedupSettings(pixels=False))

    @cached_property
    def warehouse(self) -> Warehouse:
        """Return the catalog's warehouse."""
        return Warehouse(self.settings.warehouse, self.settings.warehouse_data)

    def rectangles(self) -> Iterator[frozenset[Partition]]:
        """Yield what one run each does, and take the time from here on."""
        planned = plan(self.warehouse, self.settings, force=True)
        cells = planned.rectangles(self.catalog.categories)
        self.start()
        yield from map(frozenset, cells)

    def read(self, contract: type[Contract], cells: frozenset[Partition], *columns: str
             ) -> pl.DataFrame:  # fmt: skip
        """Return a table's rows of partitions; without names of columns all of these."""
        names = [*_CELL, *columns] if columns else None
        return self.warehouse.read(contract, partitions=cells, columns=names)

    def write(self, cells: frozenset[Partition], rows: Rows, **stages: pl.DataFrame) -> int:
        """Replace the rows of partitions, and their marks; return the rows of the first table."""
        changes = [Replacement(table, frame, cells) for table, frame in rows.items()]
        changes += [
            Replacement(PartitionState, frame, cells, {"stage": stage})
            for stage, frame in stages.items()
        ]
        self.warehouse.replace(changes, CommitMessage("benchmark"))
        return next(iter(rows.values())).height


def feeds(bench: Bench) -> int:
    return write_feeds(bench.catalog, bench.home / "feeds_in")


def register(bench: Bench) -> int:
    registry = ModelRegistry("sqlite:///" + str(bench.home / "mlflow.db"), bench.home, bench.home)
    root = str(bench.home / "feeds_in")
    found = register_feeds(bench.warehouse, bench.settings, root, "", registry)
    ranks = pl.DataFrame({"image_type": VIEWS, "rank": range(1, len(VIEWS) + 1)})
    every = pl.DataFrame({"category": bench.catalog.categories}).join(ranks, how="cross")
    bench.warehouse.replace([Replacement(TypePriorities, every)], CommitMessage("benchmark"))
    return found.rows


def planning(bench: Bench) -> int:
    return len(plan(bench.warehouse, bench.settings).rectangles(bench.catalog.categories))


def offers(bench: Bench) -> int:
    total = 0
    for cells in bench.rectangles():
        feeds_mark, offers_mark = state.loaded(bench.warehouse, bench.settings, cells)
        good, bad = load_feeds(bench.warehouse, bench.settings, cells)
        total += bench.write(
            cells, {SupplierOffers: good, Quarantine: bad}, feeds=feeds_mark, offers=offers_mark
        )
    return total


def fetched(bench: Bench) -> int:
    total = 0
    for cells in bench.rectangles():
        rows = bench.read(SupplierOffers, cells)
        known_fetches(bench.warehouse, rows)
        mark = state.advanced(bench.warehouse, cells, "feeds", "fetched")
        total += bench.write(
            cells, {FetchedImages: fetched_rows(bench.warehouse, rows)}, fetched=mark
        )
    return total


def aggregated(bench: Bench) -> int:
    total = 0
    for cells in bench.rectangles():
        changed = bench.read(SupplierOffers, cells, "product_id").unique()
        mark = state.aggregated(bench.warehouse, bench.settings, cells)
        found = aggregate(
            changed,
            rows_so_far(bench.warehouse, SupplierOffers, cells, changed),
            rows_so_far(bench.warehouse, FetchedImages, cells, changed),
        )
        total += bench.write(cells, {AggregatedImages: found}, aggregated=mark)
    return total


def signals(bench: Bench) -> int:
    total = 0
    for number, cells in enumerate(bench.rectangles()):
        images = bench.read(AggregatedImages, cells)
        parts = [
            signal_rows(bench.settings, part, number)
            for part in images.partition_by("day", "category")
        ]
        total += bench.write(cells, {ImageSignals: pl.concat(parts)})
    return total


def quality(bench: Bench) -> int:
    total = 0
    for cells in bench.rectangles():
        found = score_quality(
            bench.read(AggregatedImages, cells),
            bench.read(ImageSignals, cells, *_QUALITY_COLUMNS),
            bench.settings.quality,
            told=told_values(bench.warehouse),
        )
        total += bench.write(cells, {QualityScores: found})
    return total


def types(bench: Bench) -> int:
    total = 0
    for cells in bench.rectangles():
        found = type_rows(
            ImageTypes, bench.read(QualityScores, cells), bench.read(AggregatedImages, cells)
        )
        total += bench.write(cells, {ImageTypes: found})
    return total


def clusters(bench: Bench) -> int:
    total = 0
    store = ImageStore(bench.settings.image_store)
    for cells in bench.rectangles():
        found = list(deduplicate(bench.warehouse, store, bench.settings, cells))
        rows = {
            DedupClusters: pl.concat([part.clusters for part in found]),
            ComparedPairs: pl.concat([part.pairs for part in found]),
        }
        total += bench.write(cells, rows)
    return total


def ordered(bench: Bench) -> int:
    total = 0
    for cells in bench.rectangles():
        sets = order_products(
            bench.warehouse,
            bench.settings,
            cells,
            products=bench.read(SupplierOffers, cells).select(*_CELL, "product_id").unique(),
            aggregated=bench.read(AggregatedImages, cells),
            signals=bench.read(ImageSignals, cells, "image_id", *ordering.SIGNAL_COLUMNS),
            quality=bench.read(QualityScores, cells),
            types=bench.read(ImageTypes, cells),
            clusters=bench.read(DedupClusters, cells),
            compliance=bench.read(ComplianceFlags, cells),
        )
        mark = state.advanced(bench.warehouse, cells, "aggregated", "complete")
        rows = {OrderedImageSets: sets.ordered, ImageSetChanges: sets.changes}
        total += bench.write(cells, rows, complete=mark)
    return total


def sets(bench: Bench) -> int:
    """Write changes of sets as if every product's images were turned round.

    In place of the steps from quality to order, for what follows them alone.
    """
    total = 0
    for cells in bench.rectangles():
        images = bench.read(AggregatedImages, cells, "product_id", "image_id")
        found = images.group_by(*_CELL, "product_id", maintain_order=True).agg(
            before=pl.col("image_id"), after=pl.col("image_id").reverse()
        )
        none = pl.lit([], pl.List(pl.String))
        rows = found.with_columns(
            status=pl.lit("changed"),
            added=none,
            removed=none,
            moved=pl.col("after"),
            hero_changed=pl.lit(True),
            missing_images=pl.lit(0, pl.Int32),
        )
        total += bench.write(cells, {ImageSetChanges: rows})
    return total


def nothing(bench: Bench) -> int:
    left = len(plan(bench.warehouse, bench.settings).partitions)
    assert left == 0, f"{left} partitions are not complete"
    return left


def matches(bench: Bench) -> int:
    report = match_images(bench.warehouse, signals_version(bench.settings.vision))
    shared_images(bench.warehouse)
    return report.pairs


def interventions(bench: Bench) -> int:
    return derive_interventions(bench.warehouse, bench.settings).rows


def engagement(bench: Bench) -> int:
    return write_engagement(bench.warehouse, bench.catalog, MEMORY)


def impact(bench: Bench) -> int:
    day = FIRST_DAY + timedelta(days=DAYS_AFTER - 1)
    wanted = plan_estimates(bench.warehouse, day).partitions
    return estimate_partitions(bench.warehouse, bench.settings, wanted).rows.height


STEPS: dict[str, Callable[[Bench], int]] = {
    "feeds*": feeds,
    "register": register,
    "plan": planning,
    "offers": offers,
    "fetched*": fetched,
    "aggregated": aggregated,
    "signals*": signals,
    "quality": quality,
    "types*": types,
    "de-dup": clusters,
    "order": ordered,
    "sets*": sets,
    "plan again": nothing,
    "matches": matches,
    "changes": interventions,
    "engagement*": engagement,
    "impact": impact,
}
"""By name, in their order; a star marks those whose rows are generated."""

WHOLE = [name for name in STEPS if name != "sets*"]
"""The steps of a whole catalog; its changes of sets come from what was ordered."""
