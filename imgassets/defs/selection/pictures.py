"""Pictures of what a run did, for the metadata of its materializations."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import dagster as dg
import polars as pl

from imgassets.gallery.strips import (
    SIDE,
    before_and_after,
    changed_products,
    changes_by_category,
    heroes,
    shown_images,
)
from imgassets.ingest.store import ImageStore
from imgassets.operations.thumbnails import draw_thumbnails
from imgassets.settings import Settings
from imgassets.warehouse.partitions import Partition

_CATEGORIES = 50
_HEROES = 12

Shown = Mapping[Partition, Mapping[str, Any]]


class Pictures(NamedTuple):
    """What is shown of the sets, and of their changes: metadata of single partitions."""

    ordered: Shown
    changes: Shown


def draw_pictures(
    context: dg.AssetExecutionContext,
    ordered: pl.DataFrame,
    changes: pl.DataFrame,
    store: ImageStore,
    settings: Settings,
) -> Pictures:
    """Draw the first images of some products, and what changed, each with its own partition.

    A few dozen small pictures, however much a run did. What cannot be drawn is named instead: the
    run's work is done, and does not fail for its pictures.

    Args:
        context: of the run.
        ordered: rows of ``ordered_image_sets``.
        changes: rows of ``image_set_changes``.
        store: where the images are.
        settings: decoding processes, and the service whose pages are linked.
    """
    shown = changed_products(changes)
    keys = ["day", "category", "product_id"]
    first = ordered.filter(pl.col("is_hero"))
    first = pl.concat(
        [first.join(shown, on=keys, how="semi"), first.join(shown, on=keys, how="anti")]
    ).head(_HEROES)
    wanted = [*shown_images(shown), *first["image_id"]]
    try:
        drawn = draw_thumbnails(store, wanted, SIDE, settings.vision)
    except (OSError, RuntimeError) as error:
        context.log.warning(f"no pictures of this run: {error}")
        drawn = {}
    service = settings.service.url
    return Pictures(
        ordered={
            cell: {"heroes": dg.MetadataValue.md(heroes(rows, drawn, service))}
            for cell, rows in _by_partition(first).items()
        },
        changes={
            cell: {"before_and_after": dg.MetadataValue.md(before_and_after(rows, drawn, service))}
            for cell, rows in _by_partition(shown).items()
        },
    )


def category_table(changes: pl.DataFrame) -> dg.TableMetadataValue:
    """Return what changed in each category, those first where most did."""
    rows = changes_by_category(changes)
    most = rows.sort("changed", "category", descending=[True, False]).head(_CATEGORIES)
    schema = dg.TableSchema(
        [
            dg.TableColumn(name, "string" if name == "category" else "int")
            for name in changes_by_category(changes.clear()).columns
        ]
    )
    return dg.MetadataValue.table([dg.TableRecord(row) for row in most.to_dicts()], schema)


def _by_partition(rows: pl.DataFrame) -> dict[Partition, pl.DataFrame]:
    cells = rows.partition_by("day", "category", as_dict=True, maintain_order=True)
    return {Partition(day, category): part for (day, category), part in cells.items()}
