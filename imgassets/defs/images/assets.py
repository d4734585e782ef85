"""Images: fetched once, aggregated over suppliers, measured in one visit."""

from pathlib import Path

import dagster as dg
import polars as pl

from imgassets.defs.conventions import partitioned
from imgassets.defs.io_manager import AssetRows, SideRows
from imgassets.defs.partitions import ALL_DAYS_SO_FAR, run_partitions
from imgassets.defs.progress import log_progress
from imgassets.ingest.aggregate import aggregate
from imgassets.ingest.fetch import fetch_images
from imgassets.ingest.journal import FetchJournal
from imgassets.ingest.store import ImageStore
from imgassets.operations import state
from imgassets.operations.images import image_bases, known_fetches, report_table, rows_so_far
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    FetchedImages,
    PartitionState,
    Quarantine,
    SupplierOffers,
)
from imgassets.warehouse.lake import Warehouse

_PARTITION = ["day", "category"]


@dg.asset(**partitioned("images", "python"))
def fetched_images(
    context: dg.AssetExecutionContext,
    supplier_offers: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[ImageStore],
) -> AssetRows:
    """The bytes behind every reference, stored by content; what did not arrive is quarantined."""
    with FetchJournal(Path(settings.fetch_journal)) as journal:
        fetched = fetch_images(
            supplier_offers,
            known_fetches(warehouse, supplier_offers),
            store,
            settings.fetch,
            image_bases(warehouse),
            progress=log_progress(context, "fetched"),
            journal=journal,
        )
    return AssetRows(
        fetched.images,
        also=(
            SideRows(Quarantine, fetched.quarantine, equals={"stage": "fetch"}),
            SideRows(
                PartitionState,
                state.advanced(warehouse, run_partitions(context), "feeds", "fetched"),
                equals={"stage": "fetched"},
            ),
        ),
        metadata={
            "references": supplier_offers.height,
            "refused": fetched.quarantine.height,
            "refused_by_rule": report_table(fetched.quarantine, "rule_id"),
        },
    )


@dg.asset(
    **partitioned("images", "polars"),
    deps=[dg.AssetDep("fetched_images", partition_mapping=ALL_DAYS_SO_FAR)],
    ins={"supplier_offers": dg.AssetIn(metadata={"columns": [*_PARTITION, "product_id"]})},
)
def aggregated_images(
    context: dg.AssetExecutionContext,
    supplier_offers: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> AssetRows:
    """Each changed product's distinct images from all suppliers, up to the partition's day."""
    partitions = run_partitions(context)
    changed = supplier_offers.unique()
    # Read before the images: what another run fetches in between is not in them.
    whole = state.aggregated(warehouse, settings, partitions)
    images = aggregate(
        changed,
        rows_so_far(warehouse, SupplierOffers, partitions, changed),
        rows_so_far(warehouse, FetchedImages, partitions, changed),
    )
    return AssetRows(
        images,
        also=(SideRows(PartitionState, whole, equals={"stage": "aggregated"}),),
        metadata={
            "products": changed.height,
            "distinct_images": images["image_id"].n_unique(),
        },
    )
