"""What Dagster's UI shows of a table: its name, its columns, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg

from imgassets.warehouse.contracts import BY_NAME, Contract
from imgassets.warehouse.ddl import sql_type
from imgassets.warehouse.lineage import Column, Lineage, lineage


def table_metadata(contract: type[Contract]) -> dict[str, Any]:
    """Return the metadata of every materialization of a table."""
    table = contract.table_name()
    return {
        "dagster/table_name": f"lake.main.{table}",
        "dagster/column_schema": column_schema(contract),
    }


def lineage_metadata(table: str) -> dict[str, Any]:
    """Return a table's column lineage as metadata; nothing where none is declared."""
    found = column_lineage(table)
    return {} if found is None else {"dagster/column_lineage": found}


def column_schema(contract: type[Contract]) -> dg.TableSchema:
    """Return a contract as Dagster's table schema: names, types, comments, keys, nullability."""
    columns = contract.columns()
    key = contract.primary_key()
    comments = contract.column_comments()
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=sql_type(dtype),
                description=comments[name],
                constraints=dg.TableColumnConstraints(
                    nullable=columns[name].nullable, unique=key == [name]
                ),
                tags={"key": ""} if name in key else {},
            )
            for name, dtype in contract.create_empty().schema.items()
        ]
    )


def column_lineage(table: str) -> dg.TableColumnLineage | None:
    """Return what each of a table's columns is made of; None where that is not declared."""
    declared = lineage().get(table, Lineage()).columns
    if not declared:
        return None
    return dg.TableColumnLineage(
        {
            name: [
                dg.TableColumnDep(dg.AssetKey(source.table), source.name)
                for source in dict.fromkeys(_elsewhere(Column(table, name)))
            ]
            for name in BY_NAME[table].column_names()
            if name in declared
        }
    )


def _elsewhere(column: Column) -> Iterator[Column]:
    """Yield the columns of other tables that a column is made of, in order."""
    for source in lineage()[column.table].columns.get(column.name, ()):
        if source.table == column.table:
            yield from _elsewhere(source)
        else:
            yield source
