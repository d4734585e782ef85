"""Asset checks: every table's contract, no orphan images, and no image ever lost."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from imgassets.defs.partitions import DAY_CATEGORY, run_partitions
from imgassets.warehouse.contracts import (
    AggregatedImages,
    CausalImpact,
    ComplianceFlags,
    Contract,
    DedupClusters,
    FetchedImages,
    FetchedReviewImages,
    FlagAssessments,
    ImageAttributes,
    ImageEmbeddings,
    ImageFeatures,
    ImageRelevance,
    ImageSetChanges,
    ImageSignals,
    ImageTypes,
    MarketplaceCompliance,
    OrderedImageSets,
    QualityScores,
    ReviewImageRanks,
    ReviewSignals,
    SupplierOffers,
)
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import partition_predicate

PARTITIONED: tuple[type[Contract], ...] = (
    SupplierOffers,
    FetchedImages,
    AggregatedImages,
    ImageSignals,
    MarketplaceCompliance,
    QualityScores,
    ComplianceFlags,
    FlagAssessments,
    ImageTypes,
    DedupClusters,
    OrderedImageSets,
    ImageSetChanges,
    CausalImpact,
    FetchedReviewImages,
    ReviewSignals,
    ReviewImageRanks,
    ImageFeatures,
    ImageEmbeddings,
    ImageAttributes,
    ImageRelevance,
)
_REFER_TO_IMAGES = (
    ImageSignals,
    MarketplaceCompliance,
    QualityScores,
    ComplianceFlags,
    ImageTypes,
    DedupClusters,
    OrderedImageSets,
    ImageFeatures,
    ImageEmbeddings,
    ImageAttributes,
    ImageRelevance,
)


Outcome = tuple[bool, dict[str, Any]]
Check = Callable[[Warehouse, type[Contract], str], Outcome]


def checked_rows(context: dg.AssetCheckExecutionContext) -> str:
    """Return the SQL condition of the partitions that the run is about; all of them if none."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return "true"
    return partition_predicate(run_partitions(context))


def _contract(warehouse: Warehouse, contract: type[Contract], where: str) -> Outcome:
    """Keys are unique and every value keeps its contract's type, range and rules."""
    rows = warehouse.read(contract, where=where)
    _, failures = contract.filter(rows)
    return len(failures) == 0, {
        "rows": rows.height,
        "failures": dg.MetadataValue.json(failures.counts()),
    }


def _no_orphans(warehouse: Warehouse, contract: type[Contract], where: str) -> Outcome:
    """Every image_id is in aggregated_images of the same partition."""
    return _none_lost(
        warehouse,
        f"SELECT DISTINCT day, category, image_id FROM {contract.table_name()} "
        f"ANTI JOIN aggregated_images USING (day, category, image_id) WHERE {where} ORDER BY ALL",
    )


def _no_image_vanished(warehouse: Warehouse, contract: type[Contract], where: str) -> Outcome:
    """Every offer of the partition is in aggregated_images or in quarantine."""
    return _none_lost(
        warehouse,
        f"""
        WITH accounted AS (
            SELECT day, category, product_id, unnest(image_urls) AS image_url
            FROM aggregated_images
            UNION
            SELECT day, category, product_id, image_url FROM quarantine WHERE stage = 'fetch'
        )
        SELECT product_id, supplier_id, image_url FROM supplier_offers
        ANTI JOIN accounted USING (day, category, product_id, image_url)
        WHERE {where} ORDER BY ALL
        """,
    )


def _every_image_judged(warehouse: Warehouse, contract: type[Contract], where: str) -> Outcome:
    """Every aggregated image was judged, or quarantined as undecodable."""
    return _none_lost(
        warehouse,
        f"""
        WITH accounted AS (
            SELECT day, category, product_id, image_id FROM quality_scores
            UNION
            SELECT day, category, product_id, image_id FROM quarantine WHERE stage = 'signals'
        )
        SELECT product_id, image_id FROM aggregated_images
        ANTI JOIN accounted USING (day, category, product_id, image_id)
        WHERE {where} ORDER BY ALL
        """,
    )


def _every_product_has_a_status(
    warehouse: Warehouse, contract: type[Contract], where: str
) -> Outcome:
    """Every product of the partition's offers has one row in image_set_changes."""
    return _none_lost(
        warehouse,
        "SELECT DISTINCT day, category, product_id FROM supplier_offers "
        "ANTI JOIN image_set_changes USING (day, category, product_id) "
        f"WHERE {where} ORDER BY ALL",
    )


def _no_review_vanished(warehouse: Warehouse, contract: type[Contract], where: str) -> Outcome:
    """Every review of the partition has a photo in fetched_review_images or is in quarantine."""
    found = warehouse.sql(
        f"""
        SELECT feed_row FROM review_images
        ANTI JOIN fetched_review_images USING (day, category, review_id)
        ANTI JOIN (FROM quarantine WHERE stage = 'review_fetch')
            USING (day, category, feed_file, feed_row)
        WHERE {where}
        """
    )
    # No ids: what Dagster keeps could not be taken back if a review is forgotten.
    return found.is_empty(), {"lost": found.height}


def _none_lost(warehouse: Warehouse, query: str) -> Outcome:
    lost = warehouse.sql(query)
    return lost.is_empty(), {"lost": lost.height, "examples": str(lost.head(5).rows())}


_CHECKS: dict[tuple[str, str], tuple[Check, type[Contract]]] = {
    **{(c.table_name(), "contract"): (_contract, c) for c in PARTITIONED},
    **{(c.table_name(), "no_orphan_images"): (_no_orphans, c) for c in _REFER_TO_IMAGES},
    ("aggregated_images", "no_image_vanished"): (_no_image_vanished, AggregatedImages),
    ("quality_scores", "every_image_judged"): (_every_image_judged, QualityScores),
    ("fetched_review_images", "no_review_vanished"): (_no_review_vanished, FetchedReviewImages),
    ("image_set_changes", "every_product_has_a_status"): (
        _every_product_has_a_status,
        ImageSetChanges,
    ),
}
"""What is checked, by (asset, check name)."""


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            name,
            asset=table,
            description=(check.__doc__ or "").strip(),
            partitions_def=DAY_CATEGORY,
        )
        for (table, name), (check, _) in _CHECKS.items()
    ],
    can_subset=True,
)
def table_checks(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.AssetCheckResult]:
    """Check the run's partitions of every table, in one step: start-up costs more than a check."""
    where = checked_rows(context)
    for key in sorted(context.selected_asset_check_keys, key=str):
        table = key.asset_key.path[-1]
        check, contract = _CHECKS[(table, key.name)]
        passed, metadata = check(warehouse, contract, where)
        yield dg.AssetCheckResult(
            passed=passed, asset_key=key.asset_key, check_name=key.name, metadata=metadata
        )
