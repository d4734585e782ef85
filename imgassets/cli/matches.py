"""The command about images that several products share."""

from __future__ import annotations

from rich.table import Table

from imgassets.cli.common import console, open_warehouse, settings
from imgassets.cli.running import Verbose


def matches(verbose: Verbose = False) -> None:
    """Look for images that several products share, in the whole catalog, and count them.

    Compares all images by the signals that are stored, in minutes for millions: photos that were
    copied, a supplier's stock photo, images at the wrong product. Dagster does it every night;
    this does it now. Pairs are in the table `image_matches`, and the view `same_image_in_products`
    says which products share which image:

    `imgassets sql "FROM same_image_in_products WHERE categories_differ LIMIT 20"`

    Look-alikes of different products are then laid over each other, 20,000 pairs in one go (the
    setting `dedup.catalog_pairs`): what differs in a colour or a detail is taken out of the view.
    """
    of = settings()
    from imgassets.definitions import defs
    from imgassets.defs.runner import open_instance, run_job
    from imgassets.operations.image_matches import shared_images

    with open_instance(of) as instance, console.status("comparing all images"):
        result = run_job(defs(), instance, "match_job", verbose=verbose)
    (event,) = result.asset_materializations_for_node("image_matches")
    found = {name: value.value for name, value in event.metadata.items()}
    shared = shared_images(open_warehouse(of))
    console.print(
        f"{found['images']} images compared: {found['dagster/row_count']} pairs look the same"
    )
    console.print(
        f"{shared.exact + shared.near} images are in several products: "
        f"{shared.exact} byte for byte, {shared.near} more by their looks"
    )
    if found["pairs_across_products_waiting"]:
        console.print(
            f"{found['pairs_across_products_waiting']} pairs of different products still wait to "
            "be laid over each other: run this again"
        )
    if shared.largest.is_empty():
        return
    table = Table("image", "products", "exact", "categories")
    for row in shared.largest.to_dicts():
        table.add_row(
            row["image_id"][:12],
            str(row["products"]),
            str(row["exact"]),
            ", ".join(row["categories"]),
        )
    console.print(table)
