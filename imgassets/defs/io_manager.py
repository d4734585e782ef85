"""Moves frames between assets and the warehouse, one or several partitions at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import polars as pl

from imgassets import __version__
from imgassets.defs.lineage import lineage_metadata, table_metadata
from imgassets.defs.partitions import parse_key, parse_keys, to_key
from imgassets.warehouse.contracts import BY_NAME, Contract, Quarantine
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition

_MOST_COUNTED = 31
"""Partitions of one run that each get their own row count: Dagster lists all of a run's partitions
for each one that is given metadata, so the cost grows with the square. Larger runs have a total."""


@dataclass(frozen=True)
class SideRows:
    """Rows of a further table that are committed together with an asset's own."""

    contract: type[Contract]
    frame: pl.DataFrame
    equals: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class AssetRows:
    """An asset's rows, further tables' rows of the same transaction, and metadata to show.

    Attributes:
        frame: the asset's rows.
        also: rows of further tables.
        metadata: kept with the materialization of every partition of the run: numbers, short texts.
        by_partition: kept with that of one partition each, for what is large: pictures.
    """

    frame: pl.DataFrame
    also: tuple[SideRows, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    by_partition: Mapping[Partition, Mapping[str, Any]] = field(default_factory=dict)


class WarehouseIOManager(dg.IOManager):
    """Writes an asset's frame as its partitions' new rows, and reads upstream partitions back.

    The asset's key is the table's name. An output replaces exactly the partitions of its run in one
    transaction; an input holds the mapped upstream partitions. ``metadata={"columns": [...]}`` on
    an ``AssetIn`` projects columns.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame | AssetRows) -> None:
        """Replace the run's partitions with the asset's rows and describe what was written."""
        rows = obj if isinstance(obj, AssetRows) else AssetRows(obj)
        table = context.asset_key.path[-1]
        contract = BY_NAME[table]
        partitions = (
            parse_keys(context.asset_partition_keys) if context.has_asset_partitions else None
        )
        replacements = [Replacement(contract, rows.frame, partitions)]
        replacements += [
            Replacement(side.contract, side.frame, partitions, side.equals) for side in rows.also
        ]
        snapshot_id = self._warehouse.replace(
            replacements,
            CommitMessage(asset=table, run_id=context.run_id, code_version=__version__),
        )
        few = partitions is None or len(partitions) <= _MOST_COUNTED
        context.add_output_metadata(
            {
                **rows.metadata,
                **table_metadata(contract),
                **(lineage_metadata(table) if few else {}),
                "snapshot_id": snapshot_id,
                **_totals(rows, partitions),
            }
        )
        if partitions is not None and few:
            _add_row_counts(context, rows.frame)
        elif partitions is not None:
            _add_to_partition(context, max(partitions), lineage_metadata(table))
        for partition, shown in rows.by_partition.items():
            _add_to_partition(context, partition, shown)

    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        """Return the upstream asset's rows of the mapped partitions."""
        contract = BY_NAME[context.asset_key.path[-1]]
        columns = (context.definition_metadata or {}).get("columns")
        partitions = (
            parse_keys(context.asset_partition_keys) if context.has_asset_partitions else None
        )
        return self._warehouse.read(contract, partitions=partitions, columns=columns)


def _totals(rows: AssetRows, partitions: frozenset[Partition] | None) -> dict[str, Any]:
    """Return what holds for the whole run: its partitions, rows and refusals."""
    if partitions is None:
        return {"dagster/row_count": rows.frame.height}
    totals: dict[str, Any] = {
        "run_partitions": _describe(partitions),
        "rows_in_run": rows.frame.height,
    }
    for side in rows.also:
        if side.contract is Quarantine:
            totals["quarantined_in_run"] = side.frame.height
    return totals


def _add_row_counts(context: dg.OutputContext, frame: pl.DataFrame) -> None:
    """Give each partition's materialization its own row count."""
    cells = frame.group_by("day", "category").len()
    counts = {str(to_key(Partition(day, category))): n for day, category, n in cells.iter_rows()}
    for key in context.asset_partition_keys:
        counted = {"dagster/partition_row_count": counts.get(str(key), 0), "partition": str(key)}
        _add_to_partition(context, parse_key(str(key)), counted)


def _add_to_partition(
    context: dg.OutputContext, partition: Partition, metadata: Mapping[str, Any]
) -> None:
    """Give the materialization of one partition of the run metadata of its own."""
    context.step_context.add_asset_metadata(
        metadata, asset_key=context.asset_key, partition_key=str(to_key(partition))
    )


def _describe(partitions: frozenset[Partition]) -> str:
    if len(partitions) <= 3:
        return ", ".join(str(p) for p in sorted(partitions))
    days = sorted({p.day for p in partitions})
    categories = {p.category for p in partitions}
    return f"{len(partitions)} partitions: {len(categories)} categories, {days[0]} … {days[-1]}"
