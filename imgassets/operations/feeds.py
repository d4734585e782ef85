"""Accepting feed files: land an immutable copy, parse it once, register what it touches.

What was decided about rows without a category is registered with the file, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from imgassets.ingest.feeds import Decision, ParsedFeed
from imgassets.ingest.landing import (
    FeedFile,
    LandedCopy,
    RefusedFile,
    land,
    list_feeds,
    parse_landed,
)
from imgassets.ingest.parsed_feeds import read_parsed
from imgassets.ingest.refusal import Refusal
from imgassets.learning.registry import ModelRegistry
from imgassets.object_store import open_root
from imgassets.operations.category_resolution import CategoryResolver, names_of, to_decisions
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    CategoryResolutions,
    FeedCategories,
    FeedFiles,
    Quarantine,
    SupplierOffers,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition, partition_frame, quote


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
        resolved: number of rows without a category that were given one now, by who gave it: 'feed'
            or 'model'.
        notes: what a person should know of the model that predicts categories.
    """

    files: list[str] = field(default_factory=list)
    unchanged: int = 0
    refused: list[RefusedFile] = field(default_factory=list)
    touched: set[Partition] = field(default_factory=set)
    rows: int = 0
    quarantined: int = 0
    resolved: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def register_feeds(
    warehouse: Warehouse,
    settings: Settings,
    feeds_root: str,
    image_base: str,
    registry: ModelRegistry,
    limit: int | None = None,
) -> Registered:
    """Land and register every feed file under ``feeds_root`` that is new or has changed.

    A file that arrives twice changes nothing; a corrected file replaces its earlier version, and
    the partitions of both versions count as touched. Rows without a category are given one where
    feeds or the model tell it, also in files that were registered before.

    Args:
        warehouse: where the registry (``feed_files``) lives.
        settings: gives the landing folder and the first day.
        feeds_root: fsspec root holding '<YYYY-MM-DD>/<supplier>.{csv,jsonl,parquet}'.
        image_base: folder or URL that relative image references start from.
        registry: where the model is that predicts categories.
        limit: register at most this many files (a sensor's tick is short); None: all.
    """
    warehouse.initialise()
    result = Registered()
    resolver = CategoryResolver(warehouse, registry)
    before = warehouse.read(FeedFiles)
    known = {(row["day"], row["supplier_id"]): row for row in before.iter_rows(named=True)}
    listing = list_feeds(feeds_root)
    result.refused = list(listing.refused)
    files, root = open_root(feeds_root)
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
        source = {
            "day": feed.day,
            "supplier_id": feed.supplier_id,
            "feed_file": feed.feed_file,
            "landed_as": landed.landed_as,
            "sha256": landed.sha256,
            "source_key": source_key,
            "image_base": image_base,
        }
        rows, quarantined = _register(warehouse, settings, resolver, source, before, result)
        result.files.append(feed.feed_file)
        result.rows += rows
        result.quarantined += quarantined
    _resolve_open(warehouse, settings, resolver, result, limit)
    return result


def resolve_categories(
    warehouse: Warehouse, settings: Settings, registry: ModelRegistry
) -> Registered:
    """Decide again about every registered row that has no category yet, where there is news.

    Args:
        warehouse: where the registry (``feed_files``) lives.
        settings: gives the landing folder.
        registry: where the model is that predicts categories.

    Returns:
        What was resolved, and the partitions that this touches.
    """
    warehouse.initialise()
    result = Registered()
    resolver = CategoryResolver(warehouse, registry)
    _resolve_open(warehouse, settings, resolver, result, None)
    return result


def _resolve_open(
    warehouse: Warehouse,
    settings: Settings,
    resolver: CategoryResolver,
    result: Registered,
    limit: int | None,
) -> None:
    """Decide again about files with rows without a category, ``limit`` files at most."""
    # An older release kept no account of what its files name.
    unknown = warehouse.sql(
        "SELECT day, supplier_id FROM feed_files GROUP BY ALL HAVING sum(n_rows) > 0 "
        "EXCEPT SELECT day, supplier_id FROM feed_categories "
        "EXCEPT SELECT day, supplier_id FROM category_resolutions ORDER BY ALL"
    )
    _register_again(warehouse, settings, resolver, unknown.head(limit or unknown.height), result)
    undecided = warehouse.read(CategoryResolutions, where="outcome <> 'resolved'")
    news = resolver.has_news(undecided)
    _register_again(warehouse, settings, resolver, news.head(limit or news.height), result)
    result.notes = list(dict.fromkeys(resolver.notes))


def _register_again(
    warehouse: Warehouse,
    settings: Settings,
    resolver: CategoryResolver,
    files: pl.DataFrame,
    result: Registered,
) -> None:
    """Register files (day, supplier_id) as they are, with what is decided now."""
    if files.is_empty():
        return
    registered = warehouse.read(FeedFiles)
    sources = registered.join(files.cast({"day": pl.Date}), on=["day", "supplier_id"], how="semi")
    columns = [
        n for n in FeedFiles.column_names() if n not in ("category", "n_rows", "content_hash")
    ]
    for source in sources.select(columns).unique().sort("day", "supplier_id").iter_rows(named=True):
        _register(warehouse, settings, resolver, source, registered, result)


def _register(
    warehouse: Warehouse,
    settings: Settings,
    resolver: CategoryResolver,
    source: Mapping[str, Any],
    registered: pl.DataFrame,
    result: Registered,
) -> tuple[int, int]:
    """Register one version of a feed file, and count what was resolved and touched.

    Args:
        warehouse: where it is registered.
        settings: gives the landing folder.
        resolver: decides about rows without a category.
        source: columns of ``FeedFiles`` that are the same for all of the file's categories.
        registered: ``FeedFiles`` as it stands.
        result: counted here.

    Returns:
        Number of its rows, and of those in quarantine.
    """
    day, supplier_id, feed_file = source["day"], source["supplier_id"], source["feed_file"]
    cell = {"day": day, "supplier_id": supplier_id}
    old = registered.filter(pl.col("day") == day, pl.col("supplier_id") == supplier_id)
    parsed = _parse(settings, source)
    decided: pl.DataFrame = CategoryResolutions.create_empty()
    named = names_of(parsed.named, day, supplier_id)
    if not parsed.uncategorised.is_empty():
        decided = resolver.decide(parsed, feed_file, day, supplier_id)
        parsed = _parse(settings, source, to_decisions(decided))
    shares = _with_dropped(parsed.shares, old).with_columns(
        pl.lit(value).alias(name) for name, value in source.items()
    )
    n_rows, n_refused = int(shares["n_rows"].sum()), parsed.quarantine.height
    before = decided.clear() if decided.is_empty() else _decided_before(warehouse, cell)
    if _same(old, shares) and _is_known(decided, before, named):
        return n_rows, n_refused
    warehouse.replace(
        [
            Replacement(FeedFiles, shares, equals=cell),
            Replacement(FeedCategories, named, equals=cell),
            Replacement(CategoryResolutions, decided, equals=cell),
        ],
        CommitMessage(asset=f"feed_files {feed_file}"),
    )
    had, has = (rows.filter(pl.col("outcome") == "resolved") for rows in (before, decided))
    for who in has.join(had, on="product_id", how="anti")["source"]:
        result.resolved[who] = result.resolved.get(who, 0) + 1
    result.touched |= _changed_partitions(old, shares)
    return n_rows, n_refused


def _same(old: pl.DataFrame, new: pl.DataFrame) -> bool:
    key = FeedFiles.primary_key()
    return old.sort(key).equals(FeedFiles.conform(new).sort(key))


def _decided_before(warehouse: Warehouse, cell: Mapping[str, object]) -> pl.DataFrame:
    where = " AND ".join(f"{name} = {quote(value)}" for name, value in cell.items())
    return warehouse.read(CategoryResolutions, where=where)


def _is_known(decided: pl.DataFrame, before: pl.DataFrame, named: pl.DataFrame) -> bool:
    """Tell whether a file that is registered anew says and gets nothing new.

    What it names was written with what was decided about it, if anything was.
    """
    answer = [name for name in decided.columns if name != "decided_at"]
    same = decided.select(answer).equals(before.select(answer))
    return same and (named.is_empty() or not decided.is_empty())


def _parse(
    settings: Settings, source: Mapping[str, Any], decisions: tuple[Decision, ...] = ()
) -> ParsedFeed:
    """Return a registered feed file, parsed once per process."""
    return parse_landed(_landed_copy(settings, source), decisions)


def _landed_copy(settings: Settings, source: Mapping[str, Any]) -> LandedCopy:
    """Return what a registered feed file is parsed from."""
    return LandedCopy(
        root=settings.landing,
        landed_as=source["landed_as"],
        feed_file=source["feed_file"],
        day=source["day"],
        supplier_id=source["supplier_id"],
        image_base=source["image_base"],
    )


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

    Each landed file is parsed once however many partitions and processes ask for it.
    """
    offers: list[pl.DataFrame] = [SupplierOffers.create_empty()]
    quarantine: list[pl.DataFrame] = [Quarantine.create_empty()]
    files = warehouse.read(FeedFiles, partitions=partitions)
    wanted = partition_frame(partitions)
    days = sorted({partition.day for partition in partitions})
    resolutions = _by_file(warehouse, days)
    per_file = files.unique(subset=["day", "supplier_id"]).sort("day", "supplier_id")
    for row in per_file.iter_rows(named=True):
        decided = resolutions.get((row["day"], row["supplier_id"]))
        decisions = () if decided is None else to_decisions(decided)
        of_day = wanted.filter(pl.col("day") == row["day"])
        parsed = read_parsed(of_day["category"], _landed_copy(settings, row), decisions)
        offers.append(parsed.offers.cast(offers[0].schema))
        quarantine.append(parsed.quarantine.cast(quarantine[0].schema))
    return pl.concat(offers), pl.concat(quarantine)


def _by_file(warehouse: Warehouse, days: list[date]) -> dict[tuple[object, ...], pl.DataFrame]:
    """Return what was decided about rows without a category, by day and supplier."""
    if not days:
        return {}
    where = f"day BETWEEN {quote(days[0])} AND {quote(days[-1])}"
    rows = warehouse.read(CategoryResolutions, where=where)
    return rows.partition_by("day", "supplier_id", as_dict=True)
