"""A page to look at: each product's images before and after, with every reason."""

import dagster as dg

from imgassets.defs.conventions import partitioned
from imgassets.defs.partitions import run_partitions
from imgassets.ingest.store import ImageStore
from imgassets.operations.gallery import write_gallery
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse


@dg.asset(
    **{**partitioned("faces"), "kinds": {"html"}},
    deps=["supplier_offers", "ordered_image_sets", "image_set_changes"],
)
def gallery(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[ImageStore],
) -> dg.MaterializeResult:
    """One self-contained HTML page of the run's partitions."""
    partitions = run_partitions(context)
    out = settings.home / "galleries" / f"{context.run_id}.html"
    path = write_gallery(warehouse, store, out, partitions)
    return dg.MaterializeResult(
        metadata={"page": dg.MetadataValue.path(path), "megabytes": path.stat().st_size / 1e6}
    )
