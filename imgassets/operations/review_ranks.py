"""Ranking review photos: stored signals go in, rows of ``review_image_ranks`` come out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from imgassets import __version__
from imgassets.operations.photo_ranker import RANKING_MODELS, PhotoRanker, photo_limits
from imgassets.operations.planning import Plan
from imgassets.operations.review_ranks_sql import CONTENTS, FEATURES, PHOTOS
from imgassets.reviews.ranking import RANKING_VERSION, rank_reviews
from imgassets.reviews.weakness import WEAKNESS_VERSION
from imgassets.selection.comparator import COLUMNS as COMPARED
from imgassets.selection.thresholds import read_thresholds
from imgassets.settings import Settings
from imgassets.vision.photo_version import photo_signals_version
from imgassets.warehouse.contracts import (
    ModelVersions,
    PartitionState,
    ReviewImageRanks,
    ReviewSignals,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import (
    Partition,
    partition_frame,
    partition_predicate,
    quote,
)

RULES_VERSION = f"{RANKING_VERSION} {WEAKNESS_VERSION}"

_STAGE = "review_ranks"
_CELL = ["day", "category"]
_IMAGE = ["category", "image_id"]

_CHUNK = 10_000
"""Photos whose features, some kilobytes each, are held at the same time."""


@dataclass(frozen=True)
class Ranked:
    """What a run ranked.

    Attributes:
        rows: of contract ``ReviewImageRanks``, of the partitions asked for.
        unchanged: partitions whose photos, models and limits stand as they were: nothing was done.
        unmeasured: fetched photos without signals of the present version; they have no rank.
        snapshot_id: of the commit; None: nothing was done.
    """

    rows: pl.DataFrame
    unchanged: frozenset[Partition] = field(default_factory=frozenset)
    unmeasured: int = 0
    snapshot_id: int | None = None


def plan_ranks(
    warehouse: Warehouse,
    settings: Settings,
    *,
    first: date | None = None,
    last: date | None = None,
    categories: Sequence[str] = (),
    force: bool = False,
) -> Plan:
    """Return the partitions whose ranks are not made of what stands now.

    Args:
        warehouse: the warehouse.
        settings: give limits, backbones and thresholds.
        first: earliest day, inclusive; None: no limit.
        last: latest day, inclusive; None: no limit.
        categories: only these; empty: all.
        force: also partitions that are up to date.

    Raises:
        ValueError: no review photo is known, a category has none, or the days are swapped.
    """
    if first and last and first > last:
        raise ValueError(f"the first day {first} lies after the last day {last}")
    warehouse.initialise()
    wanted = _fingerprints(warehouse, settings)
    if wanted.is_empty():
        raise ValueError("no review photo is known: run `imgassets reviews ingest FILE` first")
    if unknown := sorted(set(categories) - set(wanted["category"])):
        known = ", ".join(sorted(set(wanted["category"])))
        raise ValueError(f"no review photo of category {', '.join(unknown)} (known: {known})")
    chosen = wanted.filter(
        pl.col("day") >= (first or date.min),
        pl.col("day") <= (last or date.max),
        pl.col("category").is_in(list(categories) or wanted["category"].unique().to_list()),
    )
    done = warehouse.read(PartitionState, where=f"stage = {quote(_STAGE)}")
    stale = chosen if force else chosen.join(done, on=[*_CELL, "fingerprint"], how="anti")
    rows = {Partition(r[0], r[1]): r[2] for r in stale.select(*_CELL, "rows").iter_rows()}
    existing = frozenset(Partition(*row) for row in wanted.select(_CELL).iter_rows())
    return Plan(rows, existing, chosen.height - stale.height)


def rank_partitions(
    warehouse: Warehouse,
    settings: Settings,
    ranker: PhotoRanker,
    partitions: Collection[Partition],
    run_id: str = "",
) -> Ranked:
    """Rank the photos of some partitions from stored signals, in one transaction.

    A partition holds the products that its day's files name, each with all photos known up to that
    day. One that was ranked from the same photos, models and limits is left alone.

    Args:
        warehouse: the warehouse.
        settings: give limits and thresholds.
        ranker: what photos are scored by.
        partitions: (day, category) partitions wanted.
        run_id: of the run that asks.
    """
    warehouse.initialise()
    wanted = partition_frame(partitions).join(
        _fingerprints(warehouse, settings), on=_CELL, how="left"
    )
    wanted = wanted.select(*_CELL, pl.col("fingerprint").fill_null(""))
    marks = warehouse.read(PartitionState, partitions=partitions, where=f"stage = {quote(_STAGE)}")
    same = wanted.join(marks, on=wanted.columns, how="semi")
    unchanged = frozenset(Partition(*row) for row in same.select(_CELL).iter_rows())
    stale = frozenset(partitions) - unchanged
    if not stale:
        return Ranked(warehouse.read(ReviewImageRanks, partitions=partitions), unchanged)
    rows, unmeasured = _rank(warehouse, settings, ranker, stale)
    state = wanted.join(partition_frame(stale), on=_CELL, how="semi").with_columns(
        stage=pl.lit(_STAGE)
    )
    snapshot_id = warehouse.replace(
        [
            Replacement(ReviewImageRanks, rows, stale),
            Replacement(PartitionState, state, stale, equals={"stage": _STAGE}),
        ],
        CommitMessage(asset="review_image_ranks", run_id=run_id, code_version=__version__),
    )
    if unchanged:
        rows = warehouse.read(ReviewImageRanks, partitions=partitions)
    return Ranked(rows, unchanged, unmeasured, snapshot_id)


def forget_marks(warehouse: Warehouse, partitions: Collection[Partition]) -> None:
    """Have partitions ranked again, whatever they were ranked from."""
    marks = Replacement(
        PartitionState,
        PartitionState.create_empty(),
        frozenset(partitions),
        equals={"stage": _STAGE},
    )
    warehouse.replace([marks], CommitMessage(asset="review_image_ranks"))


def unaccounted_photos(warehouse: Warehouse, partitions: Collection[Partition]) -> int:
    """Count photos of some partitions' products that have neither a place nor a refusal."""
    photos = warehouse.sql(PHOTOS.format(partitions=partition_predicate(partitions)))
    lost = warehouse.sql(
        """
        SELECT count(*) AS n FROM photos
        ANTI JOIN review_image_ranks USING (day, category, product_id, review_id)
        ANTI JOIN (
            SELECT category, image_id FROM quarantine WHERE stage = 'review_signals'
        ) AS refused USING (category, image_id)
        """,
        photos=photos,
    )
    return int(lost["n"][0])


def _rank(
    warehouse: Warehouse, settings: Settings, ranker: PhotoRanker, partitions: frozenset[Partition]
) -> tuple[pl.DataFrame, int]:
    """Return rows of ``review_image_ranks``, and how many photos have no signals."""
    photos = warehouse.sql(PHOTOS.format(partitions=partition_predicate(partitions)))
    judged = judge_photos(warehouse, settings, ranker, photos)
    ready = photos.join(judged, on=_IMAGE, how="inner")
    if ready.is_empty():
        return ReviewImageRanks.create_empty(), photos.height
    ranked = rank_reviews(ready, read_thresholds(settings.dedup.thresholds)).with_columns(
        model_version=pl.lit(ranker.version), rules_version=pl.lit(RULES_VERSION)
    )
    return ReviewImageRanks.conform(ranked), photos.height - ready.height


def judge_photos(
    warehouse: Warehouse, settings: Settings, ranker: PhotoRanker, photos: pl.DataFrame
) -> pl.DataFrame:
    """Judge photos by their stored signals of the present version, a chunk at a time.

    Args:
        warehouse: holds ``review_signals``.
        settings: name the backbones.
        ranker: what judges.
        photos: category, image_id; photos without signals are left out.

    Returns:
        category, image_id, what photos are compared by, and what
        :meth:`imgassets.operations.photo_ranker.PhotoRanker.judge` says; one row per photo.
    """
    names = [*(n for n in ReviewSignals.column_names() if n not in ("day", "signals_version"))]
    query = FEATURES.format(
        columns=", ".join(names), version=quote(photo_signals_version(settings))
    )
    distinct = photos.select(_IMAGE).unique().sort(_IMAGE)
    kept = [*_IMAGE, *COMPARED]
    parts = []
    for start in range(0, max(distinct.height, 1), _CHUNK):
        features = warehouse.sql(query, wanted=distinct[start : start + _CHUNK])
        parts.append(features.select(kept).hstack(ranker.judge(features).drop("rule_score")))
    return pl.concat(parts)


def _fingerprints(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Return what each partition's ranks would be made of: day, category, fingerprint, rows."""
    version = photo_signals_version(settings)
    champions = warehouse.read(ModelVersions, where="is_champion").filter(
        pl.col("model").is_in(RANKING_MODELS)
    )
    common = repr(
        [
            __version__,
            RULES_VERSION,
            version,
            sorted((key, limit.model_dump()) for key, limit in photo_limits(settings).items()),
            read_thresholds(settings.dedup.thresholds).model_dump(),
            sorted(champions.select("model", "version").rows()),
        ]
    )
    contents = warehouse.sql(CONTENTS.format(version=quote(version)))
    hashes = [
        hashlib.sha256(f"{common} {content}".encode()).hexdigest()[:32]
        for content in contents["content"]
    ]
    return contents.select(*_CELL, pl.Series("fingerprint", hashes, dtype=pl.String), "rows")
