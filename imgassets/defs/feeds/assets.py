"""Supplier offers: the rows of the landed feed files."""

import dagster as dg

from imgassets.defs.conventions import partitioned
from imgassets.defs.io_manager import AssetRows, SideRows
from imgassets.defs.partitions import run_partitions
from imgassets.operations.feeds import load_feeds, offers_state
from imgassets.operations.planning import fingerprints
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
    state = offers_state(fingerprints(warehouse, settings), partitions)
    offers, quarantine = load_feeds(warehouse, settings, partitions)
    return AssetRows(
        offers,
        also=(
            SideRows(Quarantine, quarantine, equals={"stage": "feed"}),
            SideRows(PartitionState, state, equals={"stage": "offers"}),
        ),
        metadata={
            "products": offers["product_id"].n_unique(),
            "suppliers": offers["supplier_id"].n_unique(),
        },
    )
