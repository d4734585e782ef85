"""Accepting feed files: land an immutable copy, parse it once, register what it touches."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import fsspec
import polars as pl

from imgassets.ingest.landing import FeedFile, RefusedFile, land, list_feeds, parse_landed
from imgassets.ingest.refusal import Refusal
from imgassets.settings import Settings
from imgassets.warehouse.contracts import FeedFiles, Quarantine, SupplierOffers
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition, partition_frame


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
    known = {(row["day"], row["supplier_id"]): row for row in before.iter_rows(named=True)}
    listing = list_feeds(feeds_root)
    result.refused = list(listing.refused)
    files, root = fsspec.core.url_to_fs(feeds_root)
    for feed in listing.feeds:
        if limit is not None and len(result.files) >= limit:
            break
        if (refusal := _outside_days(feed, settings.first_day)) is not None:
            result.refused.append(refusal)
            continue
        seen = known.get((feed.day, feed.supplier_id), {})
        same_base = seen.get("image_base") == image_base
        # A file whose time and size stand as they were is not read again.
        source_key = files.ukey(f"{root.rstrip('/')}/{feed.feed_file}")
        if same_base and seen.get("source_key") == source_key:
            result.unchanged += 1
            continue
        landed = land(feed, settings.landing)
        if same_base and seen.get("landed_as") == landed.landed_as:
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
        shares = _with_dropped(parsed.shares, old).with_columns(
            day=pl.lit(feed.day),
            supplier_id=pl.lit(feed.supplier_id),
            feed_file=pl.lit(feed.feed_file),
            landed_as=pl.lit(landed.landed_as),
            sha256=pl.lit(landed.sha256),
            source_key=pl.lit(source_key),
            image_base=pl.lit(image_base),
        )
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
    refusal = Refusal(
        "day_out_of_range",
        feed.day.isoformat(),
        f"{first_day} … today",
        f"The day lies outside the partitions: from {first_day} (IMGASSETS_FIRST_DAY) to today.",
    )
    return RefusedFile(feed.feed_file, feed.day, feed.supplier_id, refusal)


def _with_dropped(shares: pl.DataFrame, old: pl.DataFrame) -> pl.DataFrame:
    """Add an empty share for each category that only an earlier version of the file named.

    Without it nothing would say that the category's partition has rows to lose.
    """
    dropped = old.select("category").join(shares, on="category", how="anti")
    empty = dropped.with_columns(n_rows=pl.lit(0, pl.Int32), content_hash=pl.lit("none"))
    return pl.concat([shares, empty.select(shares.columns)])


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
    offers: list[pl.DataFrame] = [SupplierOffers.create_empty()]
    quarantine: list[pl.DataFrame] = [Quarantine.create_empty()]
    files = warehouse.read(FeedFiles, partitions=partitions)
    wanted = partition_frame(partitions)
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
    return pl.concat(offers), pl.concat(quarantine)
