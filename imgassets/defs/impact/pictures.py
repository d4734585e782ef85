"""Pictures and tables of estimates, for the metadata of their materializations."""

from collections.abc import Collection, Mapping

import dagster as dg
import polars as pl

from imgassets.defs.conventions import plot
from imgassets.warehouse.contracts import ImpactSeries
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition

_PICTURES = 12
"""Partitions of one run whose newest cohort is drawn: a picture takes half a second and 100 kB."""

_METRIC = "add_to_cart"
_CELLS = 200


def draw_cells(
    context: dg.AssetExecutionContext, warehouse: Warehouse, partitions: Collection[Partition]
) -> Mapping[Partition, dg.MarkdownMetadataValue]:
    """Draw the three panels of add_to_cart of each partition's newest cohort that has any.

    Args:
        context: of the run.
        warehouse: that holds the estimates.
        partitions: those that were estimated; the newest days come first.
    """
    from imgassets.impact.plot import plot_series, png

    rows = warehouse.read(ImpactSeries, partitions=partitions, where=f"metric = '{_METRIC}'")
    newest = rows.filter(pl.col("cohort") == pl.col("cohort").max().over("day", "category"))
    cells = newest.partition_by("day", "category", as_dict=True, maintain_order=True)
    drawn: dict[Partition, dg.MarkdownMetadataValue] = {}
    for day, category in sorted(cells, key=lambda cell: (-cell[0].toordinal(), cell[1])):
        if len(drawn) == _PICTURES:
            context.log.info(f"{_PICTURES} of {len(cells)} partitions are drawn")
            break
        series = cells[day, category]
        title = f"{_METRIC} of {category}, sets live from {series['cohort'][0]}, as of {day}"
        drawn[Partition(day, category)] = plot(title, png(plot_series(series, title=title)))
    return drawn


def verdict_table(rows: pl.DataFrame) -> dg.TableMetadataValue:
    """Return the verdicts over each cell's longest estimated horizon."""
    longest = (
        rows.filter(pl.col("status") == "estimated")
        .sort("category", "cohort", "metric", "horizon_weeks")
        .unique(["day", "category", "cohort", "metric"], keep="last", maintain_order=True)
        .select(
            "category", pl.col("cohort").cast(pl.String), "metric", "horizon_weeks",
            *(
                (100 * pl.col(name)).round(1).alias(f"{name}_percent")
                for name in ("relative_effect", "lower", "upper", "probability")
            ),
            "verdict",
        )
    )  # fmt: skip
    kinds = {pl.String: "string", pl.Int32: "int"}
    schema = dg.TableSchema(
        [
            dg.TableColumn(name, kinds.get(type(dtype), "float"))
            for name, dtype in longest.schema.items()
        ]
    )
    return dg.MetadataValue.table(
        [dg.TableRecord(row) for row in longest.head(_CELLS).to_dicts()], schema
    )
