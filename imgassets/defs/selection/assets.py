"""Selection: judge, type, de-duplicate and order, all from stored signals."""

import dagster as dg
import polars as pl

from imgassets.defs.conventions import in_rectangles, output, partitioned, table_from_outside
from imgassets.defs.io_manager import AssetRows, SideRows
from imgassets.defs.partitions import run_partitions
from imgassets.defs.progress import log_progress
from imgassets.defs.selection.pictures import category_table, draw_pictures
from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.operations import state
from imgassets.operations.duplicates import deduplicate
from imgassets.operations.flags import SIGNAL_COLUMNS, told_values
from imgassets.operations.image_types import type_images
from imgassets.operations.images import report_table
from imgassets.operations.models import answering_models
from imgassets.operations.quality import judge_quality
from imgassets.operations.reviews import known_types
from imgassets.operations.selection import order_products, passed_images
from imgassets.selection import ordering
from imgassets.settings import Settings
from imgassets.warehouse.contracts import ComparedPairs, DedupClusters, PartitionState
from imgassets.warehouse.lake import Warehouse

_PARTITION = ["day", "category"]
_ALL_PARTITIONS = dg.AllPartitionMapping()

image_clicks = table_from_outside(
    "image_clicks",
    "selection",
    "How often an image was shown and clicked; `imgassets clicks import FILE.csv` adds to them.",
)


@dg.asset(
    **partitioned("selection", "polars"),
    deps=[dg.AssetDep("flag_model", partition_mapping=_ALL_PARTITIONS)],
    ins={"image_signals": dg.AssetIn(metadata={"columns": [*_PARTITION, *SIGNAL_COLUMNS]})},
)
def quality_scores(
    aggregated_images: pl.DataFrame,
    image_signals: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
    store: dg.ResourceParam[ImageStore],
) -> AssetRows:
    """Each image judged by models where there are champions, else by rules; people overrule."""
    judged = judge_quality(
        aggregated_images, image_signals, told_values(warehouse), registry, store, settings
    )
    scores = judged.rows
    return AssetRows(
        scores,
        metadata={
            "passed": int(scores["passed"].sum()),
            "failed_by_rule": report_table(
                scores.explode("failed_rules").drop_nulls(), "failed_rules"
            ),
            "judged_by": report_table(scores.explode("judged_by"), "judged_by"),
            "notes": "; ".join(judged.notes) or "none",
        },
    )


@dg.asset(
    **partitioned("selection", "torch", "mlflow"),
    deps=[
        "image_type_model",
        dg.AssetDep("vertical_type_model", partition_mapping=_ALL_PARTITIONS),
        dg.AssetDep("category_type_model", partition_mapping=_ALL_PARTITIONS),
        dg.AssetDep("flag_model", partition_mapping=_ALL_PARTITIONS),
    ],
    ins={
        "quality_scores": dg.AssetIn(
            metadata={"columns": [*_PARTITION, "product_id", "image_id", "passed"]}
        ),
        "image_signals": dg.AssetIn(metadata={"columns": [*_PARTITION, *SIGNAL_COLUMNS]}),
    },
)
def image_types(
    quality_scores: pl.DataFrame,
    compliance_flags: pl.DataFrame,
    image_signals: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    registry: dg.ResourceParam[ModelRegistry],
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[ImageStore],
) -> AssetRows:
    """The type of each image which passed quality and compliance: by people, else by models."""
    images = passed_images(quality_scores, compliance_flags, image_signals)
    typed = type_images(
        images,
        answering_models(registry, warehouse, images["category"].unique(), settings),
        known_types(warehouse),
        told_values(warehouse),
        registry,
        store,
        settings,
    )
    return AssetRows(
        typed.rows,
        metadata={
            "answered_by": report_table(typed.rows, "answered_by"),
            "by_type": report_table(typed.rows, "image_type"),
            "notes": "; ".join(typed.notes) or "none",
        },
    )


@dg.asset(
    **partitioned("selection", "opencv", "polars"),
    deps=[
        "aggregated_images", "image_signals", "quality_scores", "compliance_flags", "image_types",
    ],
)  # fmt: skip
def dedup_clusters(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[ImageStore],
) -> AssetRows:
    """Clusters of duplicates inside each product and type; one image stands for each cluster."""
    progress = log_progress(context, "compared", "pairs")
    found = list(deduplicate(warehouse, store, settings, run_partitions(context), progress))
    clusters = pl.concat([part.clusters for part in found] or [DedupClusters.create_empty()])
    pairs = pl.concat([part.pairs for part in found] or [ComparedPairs.create_empty()])
    return AssetRows(
        clusters,
        also=(SideRows(ComparedPairs, pairs),),
        metadata={
            "clusters": int(clusters["is_representative"].sum()),
            "duplicates": int((~clusters["is_representative"]).sum()),
            "decided_by": report_table(clusters.drop_nulls("decided_by"), "decided_by"),
            "pairs_compared_by_pixels": pairs.height,
        },
    )


@dg.multi_asset(
    outs={
        "ordered_image_sets": output(
            "selection",
            "Each product's chosen images in order, with the reason for each place.",
            "polars",
        ),
        "image_set_changes": output(
            "selection",
            "Each product's image set before and after, and what changed.",
            "polars",
        ),
    },
    ins={
        "image_signals": dg.AssetIn(
            metadata={"columns": [*_PARTITION, "image_id", *ordering.SIGNAL_COLUMNS]}
        )
    },
    deps=[
        "type_priorities",
        "image_clicks",
        "image_relevance",
        # It marks its partitions complete: whatever else a partition needs comes before it.
        "marketplace_compliance",
    ],
    **in_rectangles(),
)
def ordered_sets(
    context: dg.AssetExecutionContext,
    supplier_offers: pl.DataFrame,
    aggregated_images: pl.DataFrame,
    image_signals: pl.DataFrame,
    quality_scores: pl.DataFrame,
    image_types: pl.DataFrame,
    dedup_clusters: pl.DataFrame,
    compliance_flags: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[ImageStore],
) -> tuple[AssetRows, AssetRows]:
    """Order each product's representatives; leave alone what needs no help, and say so."""
    partitions = run_partitions(context)
    sets, changes = order_products(
        warehouse,
        settings,
        partitions,
        products=supplier_offers.select("day", "category", "product_id").unique(),
        aggregated=aggregated_images,
        signals=image_signals,
        quality=quality_scores,
        types=image_types,
        clusters=dedup_clusters,
        compliance=compliance_flags,
    )
    pictures = draw_pictures(context, sets, changes, store, settings)
    return (
        AssetRows(
            sets,
            metadata={"products": sets["product_id"].n_unique()},
            by_partition=pictures.ordered,
        ),
        AssetRows(
            changes,
            also=(
                SideRows(
                    PartitionState,
                    state.advanced(warehouse, partitions, "aggregated", "complete"),
                    equals={"stage": "complete"},
                ),
            ),
            metadata={
                "by_status": report_table(changes, "status"),
                "by_category": category_table(changes),
            },
            by_partition=pictures.changes,
        ),
    )
