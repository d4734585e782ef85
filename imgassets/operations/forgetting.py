"""Forgetting reviews on request: their rows, their photos, and what the past keeps of them.

The order makes it safe to be killed anywhere: first it is written down that the review is forgotten
(as a hash), so that no file brings it back; then goes what is found by means of the rows; then the
rows; then what old snapshots and the catalog keep of them. The same command goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from imgassets.ingest.journal import FetchJournal
from imgassets.ingest.review_rows import NO_WORD, review_hash, review_mark
from imgassets.ingest.store import ImageStore
from imgassets.operations.file_feed import today
from imgassets.operations.review_signals import forget_signals
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    CONTRACTS,
    REVIEW_STAGES,
    FetchedReviewImages,
    ForgottenReviews,
    PartitionState,
    Quarantine,
    RankingExamples,
    ReviewImageRanks,
    ReviewImages,
    ReviewSignals,
)
from imgassets.warehouse.files import History
from imgassets.warehouse.forgetting import (
    Erasure,
    clean_catalog,
    count_rows,
    delete_orphans,
    drop_history,
    erase_rows,
    history_to_drop,
    rows_ever,
)
from imgassets.warehouse.lake import Addition, CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition, quote

_MESSAGE = CommitMessage(asset="forgotten_reviews")
_DERIVED = (ReviewSignals, RankingExamples, Quarantine)
"""Tables whose rows are made of an image, and are no reason to keep it."""


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten, or would be.

    Attributes:
        unknown: reviews of which nothing is stored.
        rows: rows that stand, by table.
        images: photos whose bytes go.
        shared: photos that stay, because something else refers to the same bytes.
        history: snapshots that go, because they could show the rows.
        files_left: files of killed writers that may still be written; try again in an hour.
        partitions: whose ranks are to be computed again.
    """

    unknown: tuple[str, ...]
    rows: dict[str, int]
    images: int
    shared: int
    history: History
    files_left: int = 0
    partitions: frozenset[Partition] = frozenset()


@dataclass(frozen=True)
class _Traces:
    """What is to go: where the reviews' photos came from, and what follows from them."""

    unknown: tuple[str, ...]
    locations: list[str]
    images: list[str]
    shared: list[str]
    partitions: frozenset[Partition]
    erasures: list[Erasure] = field(default_factory=list)


def plan_forgetting(warehouse: Warehouse, review_ids: Collection[str]) -> Forgotten:
    """Return what forgetting reviews would remove; nothing is changed.

    Raises:
        ValueError: an id is empty.
    """
    warehouse.initialise()
    traces = _traces(warehouse, _named(review_ids))
    return Forgotten(
        traces.unknown,
        count_rows(warehouse, traces.erasures),
        len(traces.images),
        len(traces.shared),
        history_to_drop(warehouse, traces.erasures),
        partitions=traces.partitions,
    )


def forget_reviews(
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    review_ids: Collection[str],
    progress: Callable[[str], None] | None = None,
) -> Forgotten:
    """Remove reviews for good: rows, photos that nothing else refers to, and the past of both.

    What remains is the SHA-256 of each id, by which later files are refused the review. Reviews of
    which nothing is stored are remembered likewise. No run that handles review photos should be at
    work meanwhile: what it writes back is found when the same command is run again.

    Args:
        warehouse: the warehouse; its history loses the snapshots that could show the rows.
        store: where the photos are.
        settings: name the fetch journal and the folder of signals not yet committed.
        review_ids: the reviews.
        progress: called with each step's name before it is done.

    Raises:
        ValueError: an id is empty.
        WarehouseError: the catalog stays busy; run the same again.
        JournalBusy: the journal stays busy; likewise.
        OSError: the store cannot be written.
    """
    tell = progress or (lambda _: None)
    wanted = _named(review_ids)
    tell("finding what there is")
    warehouse.initialise()
    traces = _traces(warehouse, wanted)
    counted = count_rows(warehouse, traces.erasures)
    tombstones = pl.DataFrame(
        {"review_hash": [review_hash(r) for r in wanted], "day": [today()] * len(wanted)}
    )
    warehouse.replace([Addition(ForgottenReviews, tombstones)], _MESSAGE)
    tell("photos")
    _forget_files(store, settings, traces)
    left = delete_orphans(warehouse, traces.erasures)
    tell("rows")
    marks = [
        Replacement(
            PartitionState,
            PartitionState.create_empty(),
            traces.partitions,
            equals={"stage": "review_ranks"},
        )
    ]
    erase_rows(warehouse, traces.erasures, marks if traces.partitions else [], _MESSAGE)
    tell("history")
    history = drop_history(warehouse, traces.erasures)
    tables = [erasure.contract for erasure in traces.erasures]
    clean_catalog(warehouse, tables, ForgottenReviews, _MESSAGE)
    return Forgotten(
        traces.unknown,
        counted,
        len(traces.images),
        len(traces.shared),
        history,
        left,
        traces.partitions,
    )


def _named(review_ids: Collection[str]) -> list[str]:
    """Return ids as files name them: without surrounding spaces."""
    names = sorted({review_id.strip() for review_id in review_ids})
    if "" in names:
        raise ValueError("a review's id is empty: nothing was changed")
    return names


def _traces(warehouse: Warehouse, review_ids: Sequence[str]) -> _Traces:
    """Find what is stored of reviews, now or at a snapshot that is kept."""
    ids = _listed(review_ids)
    named = f"review_id IN ({ids})"
    cell = ["day", "category"]
    images = rows_ever(warehouse, ReviewImages, named, [*cell, "review_id", "image_location"])
    fetched = rows_ever(
        warehouse, FetchedReviewImages, named, [*cell, "review_id", "image_location", "image_id"]
    )
    ranked = f"{named} OR duplicate_of IN ({ids})"
    ranks = rows_ever(warehouse, ReviewImageRanks, ranked, [*cell, "review_id", "image_id"])
    refused = rows_ever(warehouse, Quarantine, _refused(review_ids), ["detail", "image_id"])
    own_ranks = ranks.filter(pl.col("review_id").is_in(review_ids))
    ever = {
        image_id
        for frame in (fetched, own_ranks, refused)
        for image_id in frame["image_id"].drop_nulls()
    }
    shared = _used_elsewhere(warehouse, ever, review_ids)
    gone = sorted(ever - shared)
    known = {*images["review_id"], *fetched["review_id"], *own_ranks["review_id"]}
    marks = pl.DataFrame({"review_id": review_ids}).select(review_mark(pl.col("review_id")))
    told = [
        review_id
        for review_id, mark in zip(review_ids, marks.to_series(), strict=True)
        if any(mark in detail for detail in refused["detail"])
    ]
    locations = sorted({*images["image_location"], *fetched["image_location"]})
    return _Traces(
        tuple(r for r in review_ids if r not in known and r not in told),
        locations,
        gone,
        sorted(shared),
        frozenset(
            Partition(*row)
            for frame in (images, fetched, ranks)
            for row in frame.select(cell).iter_rows()
        ),
        _erasures(review_ids, gone, locations),
    )


def _erasures(
    review_ids: Sequence[str], image_ids: Sequence[str], locations: Sequence[str]
) -> list[Erasure]:
    ids, images = _listed(review_ids), _listed(image_ids)
    named = f"review_id IN ({ids})"
    of_photo = (
        f"stage IN ({_listed(REVIEW_STAGES)}) "
        f"AND (image_id IN ({images}) OR image_url IN ({_listed(locations)}))"
    )
    return [
        Erasure(ReviewImages, named),
        Erasure(FetchedReviewImages, named),
        Erasure(ReviewImageRanks, named, {"duplicate_of": f"duplicate_of IN ({ids})"}),
        Erasure(ReviewSignals, f"image_id IN ({images})"),
        Erasure(RankingExamples, f"source_image_id IN ({images})"),
        Erasure(Quarantine, f"({_refused(review_ids)}) OR ({of_photo})"),
    ]


def _refused(review_ids: Sequence[str]) -> str:
    """Return the condition of quarantine rows that name a review.

    They start with its mark, or show a line that could not be read and has its id as a word.
    """
    marks = pl.DataFrame({"id": review_ids}).select(review_mark(pl.col("id"))).to_series()
    marked = " OR ".join(f"starts_with(detail, {quote(mark)})" for mark in marks) or "false"
    words = f"regexp_split_to_array(detail, {quote(NO_WORD)})"
    as_word = f"list_has_any({words}, [{_listed(review_ids)}]::VARCHAR[])"
    unread = f"rule_id IN ('malformed_row', 'wrong_type') AND {as_word}"
    return f"stage IN ({_listed(REVIEW_STAGES)}) AND ({marked} OR ({unread}))"


def _used_elsewhere(
    warehouse: Warehouse, image_ids: Collection[str], review_ids: Sequence[str]
) -> set[str]:
    """Return the images that something else than these reviews refers to."""
    if not image_ids:
        return set()
    images, ids = _listed(sorted(image_ids)), _listed(review_ids)
    parts = []
    for contract in CONTRACTS:
        columns = contract.column_names()
        if contract in _DERIVED:
            continue
        others = f"review_id NOT IN ({ids})" if "review_id" in columns else "true"
        parts += [
            f"SELECT {name} AS image_id FROM {contract.table_name()} "
            f"WHERE {name} IN ({images}) AND {others}"
            for name in columns
            if name == "image_id" or name.endswith("_image_id")
        ]
    return set(warehouse.sql(" UNION ".join(parts))["image_id"])


def _forget_files(store: ImageStore, settings: Settings, traces: _Traces) -> None:
    """Remove what is kept of the photos outside the warehouse."""
    journal = Path(settings.fetch_journal)
    if journal.exists():
        with FetchJournal(journal) as opened:
            opened.forget(traces.locations, traces.images)
    if traces.images:
        forget_signals(traces.images, settings)
    for image_id in traces.images:
        store.delete(image_id)


def _listed(values: Collection[str]) -> str:
    return ", ".join(quote(value) for value in values) or "NULL"
