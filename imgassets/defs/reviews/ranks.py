"""review_image_ranks and how well they agree with votes: assets, checks, and when they are made."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
import polars as pl

from imgassets.defs.checks import checked_rows
from imgassets.defs.conventions import described, partitioned, plot
from imgassets.defs.lineage import lineage_metadata, table_metadata
from imgassets.defs.partitions import (
    ALL_DAYS_SO_FAR,
    CATEGORY_TAG,
    DAY_CATEGORY,
    run_partitions,
    to_key,
)
from imgassets.defs.reviews.sensors import REVIEW_SELECTION
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.images import report_table
from imgassets.operations.photo_ranker import load_photo_ranker
from imgassets.operations.review_evaluation import evaluate_on_votes
from imgassets.operations.review_ranks import plan_ranks, rank_partitions, unaccounted_photos
from imgassets.reviews.evaluation import ALL
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    RankingEvaluations,
    ReviewImageRanks,
    ReviewImages,
)
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition


@dg.asset(
    **partitioned("reviews", "numpy", "polars"),
    deps=[
        dg.AssetDep("fetched_review_images", partition_mapping=ALL_DAYS_SO_FAR),
        dg.AssetDep("review_signals", partition_mapping=ALL_DAYS_SO_FAR),
    ],
)
def review_image_ranks(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """Each product's review photos by the ranker's score, near-duplicates behind the best of them.

    From stored signals alone, so a better ranker re-ranks everything in moments. The main weakness
    in words comes from measures with limits. Without a champion the rules give the score.
    """
    ranker = load_photo_ranker(registry, settings)
    found = rank_partitions(warehouse, settings, ranker, run_partitions(context), context.run_id)
    # Counts alone: what Dagster keeps of a run could not be taken back if a review is forgotten.
    return dg.MaterializeResult(
        metadata={
            **table_metadata(ReviewImageRanks),
            **lineage_metadata("review_image_ranks"),
            "rows_in_run": found.rows.height,
            "unchanged_partitions": len(found.unchanged),
            **({} if found.snapshot_id is None else {"snapshot_id": found.snapshot_id}),
            "model_version": ranker.version,
            "by_status": report_table(found.rows, "status"),
            "by_weakness": report_table(
                found.rows.with_columns(pl.col("weakness").replace("", "none")), "weakness"
            ),
            "photos_without_signals": found.unmeasured,
            "notes": dg.MetadataValue.md("\n".join(f"- {n}" for n in ranker.notes) or "none"),
        }
    )


@dg.asset(
    **described("reviews", "duckdb", "numpy"),
    deps=[dg.AssetDep("review_image_ranks", partition_mapping=dg.AllPartitionMapping())],
)
def ranking_report(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """How well ranks agree with helpful votes per impression, beside NIMA, size, rules and chance.

    Its rows are those of ranking_evaluations with the data set 'engagement'; `ranking.votes_note`
    says what the votes are, if they are not people's.
    """
    found = evaluate_on_votes(
        warehouse, settings, note=settings.ranking.votes_note, run_id=context.run_id
    )
    rows = found.found.rows
    metadata: dict[str, Any] = {
        **table_metadata(RankingEvaluations),
        "snapshot_id": found.snapshot_id,
        "model_version": found.model_version,
        "photos": found.found.n,
        "photos_without_votes_or_impressions": found.found.left_out,
        "about_the_votes": settings.ranking.votes_note or "as told by files of reviews",
    }
    if not rows.is_empty():
        metadata |= _figures(rows, found.model_version)
    return dg.MaterializeResult(metadata=metadata)


def _figures(rows: pl.DataFrame, version: str) -> dict[str, Any]:
    """Return the table and the picture of the figures over all photos."""
    from imgassets.reviews.plot import plot_methods

    everywhere = rows.filter(pl.col("slice") == ALL)
    title = f"{version}, 95 % intervals over styles; {rows['note'][0]}".rstrip("; ")
    lines = ["| method | measure | n | value | lower | upper |", "|---|---|---:|---:|---:|---:|"]
    for row in everywhere.iter_rows(named=True):
        figures = [
            "" if row[name] is None else f"{row[name]:.3f}" for name in ("value", "lower", "upper")
        ]
        lines.append(f"| {row['method']} | {row['measure']} | {row['n']} | {' | '.join(figures)} |")
    return {
        "figures": dg.MetadataValue.md("\n".join([*lines, "", rows["note"][0]])),
        "plot": plot(title, plot_methods(everywhere, title)),
    }


_RANK_CHECKS = {
    "ranks_without_gaps": "Ranks of a product run from 1 to n, but for those that equal scores "
    "share; duplicates have none.",
    "every_photo_accounted_for": "Every fetched photo of the partitions' products is ranked, a "
    "duplicate, or in quarantine because it could not be decoded.",
}

_GAPS = """
SELECT count(*) AS n FROM (
    SELECT rank, n_ranked,
        rank() OVER (PARTITION BY day, category, product_id ORDER BY score DESC) AS expected,
        count(*) OVER (PARTITION BY day, category, product_id) AS ranked
    FROM review_image_ranks WHERE status = 'ranked' AND {where}
) WHERE rank IS DISTINCT FROM expected OR n_ranked != ranked
"""


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            name, asset="review_image_ranks", description=text, partitions_def=DAY_CATEGORY
        )
        for name, text in _RANK_CHECKS.items()
    ],
    can_subset=True,
)
def review_rank_checks(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.AssetCheckResult]:
    """Check the run's partitions; only counts are told, no review."""
    where = checked_rows(context)
    for key in sorted(context.selected_asset_check_keys, key=str):
        if key.name == "ranks_without_gaps":
            wrong = int(warehouse.sql(_GAPS.format(where=where))["n"][0])
        else:
            wrong = unaccounted_photos(warehouse, _checked(context, warehouse))
        yield dg.AssetCheckResult(
            passed=wrong == 0,
            asset_key=key.asset_key,
            check_name=key.name,
            metadata={"photos": wrong},
        )


def _checked(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> frozenset[Partition]:
    """Return the run's partitions; all that hold reviews where it names none."""
    if context.has_partition_key or context.has_partition_key_range:
        return run_partitions(context)
    cells = warehouse.read(ReviewImages, columns=["day", "category"]).unique()
    return frozenset(Partition(*row) for row in cells.iter_rows())


@dg.schedule(
    cron_schedule="0 3 * * *",
    target=REVIEW_SELECTION,
    description="At 03:00: every partition of the previous day's reviews whose ranks are not made "
    "of what stands now.",
)
def rank_previous_day(
    context: dg.ScheduleEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run of each stale partition of the day before the tick."""
    day = context.scheduled_execution_time.date() - timedelta(days=1)
    if warehouse.read(ReviewImages, where=f"day = '{day}'", columns=["review_id"]).is_empty():
        return dg.SkipReason(f"no file of {day} names a review photo")
    stale = plan_ranks(warehouse, settings, first=day, last=day).partitions
    if not stale:
        return dg.SkipReason(f"every partition of {day} is up to date")
    return [
        dg.RunRequest(
            run_key=f"ranks|{partition.category}|{day}",
            partition_key=to_key(partition),
            tags={CATEGORY_TAG: partition.category},
        )
        for partition in stale
    ]


ranking_report_job = dg.define_asset_job(
    "ranking_report_job",
    selection=dg.AssetSelection.assets("ranking_report"),
    description="Compare the ranks of review photos with votes.",
)

weekly_ranking_report = dg.ScheduleDefinition(
    name="weekly_ranking_report",
    job=ranking_report_job,
    cron_schedule="0 7 * * 1",
    description="Mondays at 07:00: ranking_report anew.",
)
