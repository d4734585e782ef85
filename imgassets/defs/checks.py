"""Asset checks: every table's contract, no orphan images, and no image ever lost."""

from collections.abc import Sequence

import dagster as dg

from imgassets.defs.partitions import DAY_CATEGORY, parse_keys
from imgassets.warehouse.contracts import (
    AggregatedImages,
    Contract,
    DedupClusters,
    FetchedImages,
    ImageSetChanges,
    ImageSignals,
    ImageTypes,
    OrderedImageSets,
    QualityScores,
    SupplierOffers,
)
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import partition_predicate

PARTITIONED: tuple[type[Contract], ...] = (
    SupplierOffers,
    FetchedImages,
    AggregatedImages,
    ImageSignals,
    QualityScores,
    ImageTypes,
    DedupClusters,
    OrderedImageSets,
    ImageSetChanges,
)
_REFER_TO_IMAGES = (
    ImageSignals,
    QualityScores,
    ImageTypes,
    DedupClusters,
    OrderedImageSets,
)


def _where(context: dg.AssetCheckExecutionContext) -> str:
    """Return the SQL condition of the partitions that the run is about; all of them if none."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return "true"
    return partition_predicate(parse_keys(context.partition_keys))


def _contract_check(contract: type[Contract]) -> dg.AssetChecksDefinition:
    table = contract.table_name()

    @dg.asset_check(
        asset=table,
        name=f"{table}_contract",
        description="Keys are unique and every value keeps its contract's type, range and rules.",
        partitions_def=DAY_CATEGORY,
    )
    def check(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        rows = warehouse.read(contract, where=_where(context))
        _, failures = contract.filter(rows)
        return dg.AssetCheckResult(
            passed=len(failures) == 0,
            metadata={"rows": rows.height, "failures": dg.MetadataValue.json(failures.counts())},
        )

    return check


def _orphan_check(contract: type[Contract]) -> dg.AssetChecksDefinition:
    table = contract.table_name()

    @dg.asset_check(
        asset=table,
        name=f"{table}_no_orphans",
        description="Every image_id is in aggregated_images of the same partition.",
        partitions_def=DAY_CATEGORY,
    )
    def check(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        orphans = warehouse.sql(
            f"SELECT DISTINCT image_id FROM {table} "
            "ANTI JOIN aggregated_images USING (day, category, image_id) "
            f"WHERE {_where(context)} ORDER BY image_id"
        )
        return dg.AssetCheckResult(
            passed=orphans.is_empty(),
            metadata={
                "orphans": orphans.height,
                "examples": str(orphans["image_id"][:5].to_list()),
            },
        )

    return check


@dg.asset_check(
    asset="aggregated_images",
    description="Every offer of the partition is in aggregated_images or in quarantine.",
    partitions_def=DAY_CATEGORY,
)
def no_image_vanished(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Compare supplier_offers with what aggregated_images and quarantine account for."""
    lost = warehouse.sql(
        f"""
        WITH accounted AS (
            SELECT day, category, product_id, unnest(image_urls) AS image_url
            FROM aggregated_images
            UNION
            SELECT day, category, product_id, image_url FROM quarantine WHERE stage = 'fetch'
        )
        SELECT product_id, supplier_id, image_url FROM supplier_offers
        ANTI JOIN accounted USING (day, category, product_id, image_url)
        WHERE {_where(context)} ORDER BY ALL
        """
    )
    return dg.AssetCheckResult(
        passed=lost.is_empty(),
        metadata={"lost": lost.height, "examples": dg.MetadataValue.md(str(lost.head(5).rows()))},
    )


@dg.asset_check(
    asset="quality_scores",
    description="Every aggregated image was judged, or quarantined as undecodable.",
    partitions_def=DAY_CATEGORY,
)
def every_image_judged(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Compare aggregated_images with quality_scores and the signals stage's quarantine."""
    lost = warehouse.sql(
        f"""
        WITH accounted AS (
            SELECT day, category, product_id, image_id FROM quality_scores
            UNION
            SELECT day, category, product_id, image_id FROM quarantine WHERE stage = 'signals'
        )
        SELECT product_id, image_id FROM aggregated_images
        ANTI JOIN accounted USING (day, category, product_id, image_id)
        WHERE {_where(context)} ORDER BY ALL
        """
    )
    return dg.AssetCheckResult(passed=lost.is_empty(), metadata={"lost": lost.height})


def all_checks() -> Sequence[dg.AssetChecksDefinition]:
    """Return every check of the code location."""
    return [
        *(_contract_check(contract) for contract in PARTITIONED),
        *(_orphan_check(contract) for contract in _REFER_TO_IMAGES),
        no_image_vanished,
        every_image_judged,
    ]
