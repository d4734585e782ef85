"""Accepting feed files: land an immutable copy, parse it once, register what it touches."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from imgassets.ingest.feeds import ParsedFeed
from imgassets.ingest.landing import FeedFile, RefusedFile, land, list_feeds, parse_landed
from imgassets.settings import Settings
from imgassets.warehouse.contracts import FeedFiles, PartitionState, SupplierOffers
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition


@dataclass
class Registered:
    """What one look at a feeds folder found.

    Attributes:
        files: feed files that were new or had changed, as '<day>/<supplier>.<ext>'.
        unchanged: number of files seen before with the same bytes.
        refused: files that are no feeds, with the reason.
        touched: partitions whose rows are new, changed or gone.
        rows: number of rows in the new or changed files, good or bad.
        quarantined: number of these rows (or whole files) that were refused.
    """

    files: list[str] = field(default_factory=list)
    unchanged: int = 0
    refused: list[RefusedFile] = field(default_factory=list)
    touched: set[Partition] = field(default_factory=set)
    rows: int = 0
    quarantined: int = 0


def register_feeds(
    warehouse: Warehouse,
    settings: Settings,
    feeds_root: str,
    image_base: str,
    limit: int | None = None,
) -> Registered:
    """Land and register every feed file under ``feeds_root`` that is new or has changed.

    A file that arrives twice changes nothing; a corrected file replaces its earlier version, and
    the partitions of both versions count as touched.

    Args:
        warehouse: where the registry (``feed_files``) lives.
        settings: gives the landing folder and the first day.
        feeds_root: fsspec root holding '<YYYY-MM-DD>/<supplier>.{csv,jsonl,parquet}'.
        image_base: folder or URL that relative image references start from.
        limit: register at most this many files (a sensor's tick is short); None: all.
    """
    warehouse.initialise()
    result = Registered()
    before = warehouse.read(FeedFiles)
    known = {
        (row["day"], row["supplier_id"]): (row["sha256"], row["image_base"], row["landed_as"])
        for row in before.iter_rows(named=True)
    }
    listing = list_feeds(feeds_root)
    result.refused = list(listing.refused)
    for feed in listing.feeds:
        if limit is not None and len(result.files) >= limit:
            break
        if (refusal := _outside_days(feed, settings.first_day)) is not None:
            result.refused.append(refusal)
            continue
        landed = land(feed, settings.landing)
        key = (feed.day, feed.supplier_id)
        if known.get(key) == (landed.sha256, image_base, landed.landed_as):
            result.unchanged += 1
            continue
        parsed = parse_landed(
            settings.landing,
            landed.landed_as,
            feed.feed_file,
            feed.day,
            feed.supplier_id,
            image_base,
        )
        old = before.filter(
            (pl.col("day") == feed.day) & (pl.col("supplier_id") == feed.supplier_id)
        )
        shares = _shares(parsed, feed, landed.landed_as, landed.sha256, image_base)
        warehouse.replace(
            [
                Replacement(
                    FeedFiles, shares, equals={"day": feed.day, "supplier_id": feed.supplier_id}
                )
            ],
            CommitMessage(asset=f"feed_files {feed.feed_file}"),
        )
        result.files.append(feed.feed_file)
        result.rows += int(shares["n_rows"].sum())
        result.quarantined += parsed.quarantine.height
        result.touched |= _changed_partitions(old, shares)
    return result


def _outside_days(feed: FeedFile, first_day: date) -> RefusedFile | None:
    if first_day <= feed.day <= date.today():
        return None
    return RefusedFile(
        path=feed.path,
        rule_id="day_out_of_range",
        detail=f"day {feed.day} is not between {first_day} (IMGASSETS_FIRST_DAY) and today",
    )


def _shares(
    parsed: ParsedFeed, feed: FeedFile, landed_as: str, sha256: str, image_base: str
) -> pl.DataFrame:
    return parsed.shares.with_columns(
        pl.lit(feed.day).alias("day"),
        pl.lit(feed.supplier_id).alias("supplier_id"),
        pl.lit(feed.feed_file).alias("feed_file"),
        pl.lit(landed_as).alias("landed_as"),
        pl.lit(sha256).alias("sha256"),
        pl.lit(image_base).alias("image_base"),
    )


def _changed_partitions(old: pl.DataFrame, new: pl.DataFrame) -> set[Partition]:
    """Return the partitions whose share of the feed differs between two registrations."""
    columns = ["day", "category", "content_hash"]
    different = pl.concat(
        [
            old.select(columns).join(new.select(columns), on=columns, how="anti"),
            new.select(columns).join(old.select(columns), on=columns, how="anti"),
        ]
    )
    return {Partition(day, category) for day, category, _ in different.iter_rows()}


def load_feeds(
    warehouse: Warehouse, settings: Settings, partitions: frozenset[Partition]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (offers, quarantine) of some partitions from the landed feed files.

    Each landed file is parsed once per process however many partitions ask for it.
    """
    offers = [SupplierOffers.create_empty()]
    quarantine = []
    files = warehouse.read(FeedFiles, partitions=partitions)
    wanted = pl.DataFrame(
        sorted(partitions), schema={"day": pl.Date, "category": pl.String}, orient="row"
    )
    per_file = files.unique(subset=["day", "supplier_id"]).sort("day", "supplier_id")
    for row in per_file.iter_rows(named=True):
        parsed = parse_landed(
            settings.landing,
            row["landed_as"],
            row["feed_file"],
            row["day"],
            row["supplier_id"],
            row["image_base"],
        )
        offers.append(parsed.offers.join(wanted, on=["day", "category"], how="semi"))
        quarantine.append(parsed.quarantine.join(wanted, on=["day", "category"], how="semi"))
    return pl.concat(offers), pl.concat(quarantine) if quarantine else _no_quarantine()


def _no_quarantine() -> pl.DataFrame:
    from imgassets.warehouse.contracts import Quarantine

    return Quarantine.create_empty()


def offers_state(fingerprints: pl.DataFrame, partitions: frozenset[Partition]) -> pl.DataFrame:
    """Return the PartitionState rows that mark ``partitions`` as loaded from these inputs."""
    wanted = pl.DataFrame(
        sorted(partitions), schema={"day": pl.Date, "category": pl.String}, orient="row"
    )
    return (
        fingerprints.join(wanted, on=["day", "category"], how="semi")
        .with_columns(pl.lit("offers").alias("stage"))
        .select(PartitionState.column_names())
    )
