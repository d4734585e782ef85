"""Review photos: files of reviews taken in, and the photos that they refer to fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from imgassets.ingest.fetch import fetch_locations
from imgassets.ingest.journal import FetchJournal
from imgassets.ingest.judged_rows import JudgedRows
from imgassets.ingest.refusal import Refused
from imgassets.ingest.review_rows import read_review_rows, review_hash, review_mark
from imgassets.ingest.source_files import SourceFile
from imgassets.ingest.store import ImageStore
from imgassets.operations.file_feed import FileFeed, Row, TakenIn, Write, today
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    FetchedReviewImages,
    ForgottenReviews,
    Quarantine,
    ReviewFiles,
    ReviewImageRanks,
    ReviewImages,
    ReviewSignals,
)
from imgassets.warehouse.lake import Replacement, Upsert, Warehouse
from imgassets.warehouse.partitions import Partition, quote

_KEY = ReviewImages.primary_key()
_SAID = [c for c in ReviewImages.column_names() if c not in (*_KEY, "feed_file", "feed_row")]
"""What a row says of its review, beside where it stands."""

_MADE = (FetchedReviewImages, ReviewSignals, ReviewImageRanks)
"""What is made of a partition's reviews."""

_STANDING = "_standing"
"""Suffix of a standing row's columns beside those of the row that comes."""


def take_in_reviews(
    warehouse: Warehouse,
    settings: Settings,
    location: str,
    image_base: str,
    day: date | None = None,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> TakenIn:
    """Take in every file of review photos that is new or has changed; bad rows are quarantined.

    A corrected file replaces what it said before, on the day that it had: reviews that it no longer
    names are withdrawn. A version that cannot be read leaves those of the one before. A later
    day's file may name a review again, with newer votes: that is a row of the later day.

    Args:
        warehouse: the warehouse.
        settings: gives the limit of counts, and the first day.
        location: a file, or a folder with such files below it: a path or fsspec URL; see
            :func:`imgassets.ingest.review_rows.read_review_rows`.
        image_base: folder or URL that relative image_urls start from.
        day: of arrival, of files whose folder names none; None: that of the newest review in the
            file, or today where no review has one.
        limit: take in at most this many files (a sensor's tick is short); None: all.
        progress: called with the number of files seen so far after each one.

    Raises:
        ValueError: there is no such file or folder, its name tells of no known format, or the image
            base is neither a folder nor a URL.
    """
    warehouse.initialise()
    forgotten = forgotten_reviews(warehouse)
    arrived = warehouse.read(ReviewFiles, where="n_rows > 0", columns=["file", "day"])
    days: dict[str, date] = dict(arrived.iter_rows())
    last = today()

    def judge(source: SourceFile, content: bytes) -> JudgedRows:
        judged = read_review_rows(
            content,
            source.extension,
            image_base=image_base,
            today=last,
            max_count=settings.ranking.max_count,
            forgotten=forgotten,
        )
        found = day_of(source, judged.good)
        if not settings.first_day <= found <= last:
            raise Refused(
                "day_out_of_range",
                found.isoformat(),
                f"{settings.first_day} … {last}",
                "The day of arrival lies outside the partitions, from IMGASSETS_FIRST_DAY to "
                "today: name another with --day, or a folder such as 2026-01-31.",
            )
        return judged

    def day_of(source: SourceFile, good: pl.DataFrame) -> date:
        if (known := days.get(source.file) or _folder_day(source.path) or day) is not None:
            return known
        newest = good["submitted_at"].max() if "submitted_at" in good.columns else None
        return newest.date() if newest is not None else last  # type: ignore[union-attr]

    def facts(source: SourceFile, good: pl.DataFrame) -> dict[str, Any]:
        found = day_of(source, good)
        within = settings.first_day <= found <= last
        return {"image_base": image_base, "day": found if within else last}

    feed = FileFeed(
        warehouse,
        ReviewFiles,
        settings.first_day,
        last,
        "reviews",
        repr([settings.ranking.max_count, image_base, str(settings.first_day)]),
        judge,
        _review_changes,
        facts=facts,
    )
    return feed.take_in(location, limit, progress)


def forgotten_reviews(warehouse: Warehouse) -> frozenset[str]:
    """Return the hashes of reviews that were forgotten and must not come back."""
    return frozenset(warehouse.read(ForgottenReviews)["review_hash"])


def _folder_day(path: str) -> date | None:
    """Return the day that a file's folder is named by, or None."""
    folder = path.replace("\\", "/").split("/")[-2:-1]
    try:
        return date.fromisoformat(folder[0]) if folder and len(folder[0]) == 10 else None
    except ValueError:
        return None


def _review_changes(
    warehouse: Warehouse, file: str, rows: pl.DataFrame, result: TakenIn, facts: Row
) -> Sequence[Write]:
    """Return what a file's rows change: reviews that are new, say something else, or are gone."""
    given = ReviewImages.conform(
        rows.with_columns(day=pl.lit(facts["day"]), feed_file=pl.lit(file))
    )
    own = warehouse.read(ReviewImages, where=f"feed_file = {quote(file)}")
    standing = warehouse.read(ReviewImages, where=f"day = {quote(facts['day'])}")
    compared = given.join(
        standing.select(*_KEY, *_SAID, is_known=pl.lit(True)), on=_KEY, how="left", suffix=_STANDING
    )
    is_known = pl.col("is_known").fill_null(False)
    same = is_known & pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(f"{name}{_STANDING}")) for name in _SAID
    )
    changed = compared.filter(~same)
    gone = own.join(given, on=_KEY, how="anti")
    result.new += changed.filter(~is_known).height
    result.replaced += changed.filter(is_known).height
    result.same += given.height - changed.height
    result.withdrawn += gone.height
    touched = pl.concat([part.select("day", "category") for part in (changed, gone)]).unique()
    result.touched |= {Partition(*cell) for cell in touched.iter_rows()}
    result.categories |= set(touched["category"])
    writes: list[Write] = []
    left = pl.concat([given, standing.join(gone, on=_KEY, how="anti")])
    emptied = gone.join(left, on=["day", "category"], how="anti").select("day", "category").unique()
    if not emptied.is_empty():
        # Nothing names these partitions any more, so no run would take away what was made of them.
        cells = frozenset(Partition(*cell) for cell in emptied.iter_rows())
        writes += [Replacement(made, made.create_empty(), cells) for made in _MADE]
        of_photos = {"stage": "review_fetch"}
        writes.append(Replacement(Quarantine, Quarantine.create_empty(), cells, of_photos))
    if not gone.is_empty():
        kept = own.join(given, on=_KEY, how="semi")
        writes.append(Replacement(ReviewImages, kept, equals={"feed_file": file}))
    if not changed.is_empty():
        writes.append(Upsert(ReviewImages, changed.select(given.columns)))
    return writes


@dataclass(frozen=True)
class FetchedReviews:
    """What became of the photos of a set of partitions; each review is in one of the frames.

    Attributes:
        images: conforms to ``FetchedReviewImages``, sorted by key.
        quarantine: conforms to ``Quarantine`` (stage ``review_fetch``).
    """

    images: pl.DataFrame
    quarantine: pl.DataFrame


def fetch_review_images(
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    partitions: frozenset[Partition],
    progress: Callable[[int, int], None] | None = None,
) -> FetchedReviews:
    """Fetch the photos of the reviews of some partitions, each location once.

    Args:
        warehouse: holds the reviews, and what was fetched before.
        store: where the bytes go.
        settings: limits and concurrency of fetching; the journal's place.
        partitions: (day, category) partitions.
        progress: called with (locations done, locations in all) after each one.

    Raises:
        OSError: the store cannot be written.
        sqlite3.Error: the journal cannot be written.
    """
    reviews = _remembered(warehouse, warehouse.read(ReviewImages, partitions=partitions))
    if reviews.is_empty():
        return FetchedReviews(FetchedReviewImages.create_empty(), Quarantine.create_empty())
    categories = ", ".join(quote(c) for c in reviews["category"].unique().sort())
    known = warehouse.read(FetchedReviewImages, where=f"category IN ({categories})")
    bases = set(warehouse.read(ReviewFiles, columns=["image_base"])["image_base"]) - {""}
    with FetchJournal(Path(settings.fetch_journal)) as journal:
        found = fetch_locations(
            reviews["image_location"],
            known,
            store,
            settings.fetch,
            sorted(bases),
            progress,
            journal,
        )
    joined = reviews.join(found, on="image_location", how="left").sort(_KEY)
    refused = pl.col("rule_id").is_not_null()
    quarantine = joined.filter(refused).with_columns(
        stage=pl.lit("review_fetch"),
        supplier_id=pl.lit(None, pl.String),
        detail=pl.concat_str(review_mark(pl.col("review_id")), "detail"),
    )
    return FetchedReviews(
        FetchedReviewImages.conform(joined.filter(~refused)), Quarantine.conform(quarantine)
    )


def _remembered(warehouse: Warehouse, reviews: pl.DataFrame) -> pl.DataFrame:
    """Leave out reviews that were forgotten while a run was on its way."""
    forgotten = forgotten_reviews(warehouse)
    if not forgotten:
        return reviews
    return reviews.filter([review_hash(i) not in forgotten for i in reviews["review_id"]])
