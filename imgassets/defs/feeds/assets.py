"""Supplier offers: the rows of the landed feed files."""

import dagster as dg

from imgassets.defs.conventions import partitioned
from imgassets.defs.io_manager import AssetRows, SideRows
from imgassets.defs.partitions import run_partitions
from imgassets.operations import state
from imgassets.operations.feeds import load_feeds
from imgassets.settings import Settings
from imgassets.warehouse.contracts import PartitionState, Quarantine
from imgassets.warehouse.lake import Warehouse


@dg.asset(**partitioned("feeds", "polars"))
def supplier_offers(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> AssetRows:
    """Every image reference that suppliers' feeds made; rows that break a rule are quarantined."""
    partitions = run_partitions(context)
    # Marked with what is registered now, before reading: a feed that comes later counts as new.
    feeds_mark, offers_mark = state.loaded(warehouse, settings, partitions)
    offers, quarantine = load_feeds(warehouse, settings, partitions)
    return AssetRows(
        offers,
        also=(
            SideRows(Quarantine, quarantine, equals={"stage": "feed"}),
            SideRows(PartitionState, feeds_mark, equals={"stage": "feeds"}),
            SideRows(PartitionState, offers_mark, equals={"stage": "offers"}),
        ),
        metadata={
            "products": offers["product_id"].n_unique(),
            "suppliers": offers["supplier_id"].n_unique(),
        },
    )
