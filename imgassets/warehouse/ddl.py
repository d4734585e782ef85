"""DDL from contracts: tables, comments and partitioning, as DuckLake understands them."""

from __future__ import annotations

import polars as pl

from imgassets.warehouse.contracts import Contract
from imgassets.warehouse.partitions import quote

_SQL_TYPES: dict[pl.DataType, str] = {
    pl.Date(): "DATE",
    pl.String(): "VARCHAR",
    pl.Boolean(): "BOOLEAN",
    pl.Int32(): "INTEGER",
    pl.Int64(): "BIGINT",
    pl.Float32(): "FLOAT",
    pl.Float64(): "DOUBLE",
    pl.Datetime("us", "UTC"): "TIMESTAMPTZ",
}


def sql_type(dtype: pl.DataType) -> str:
    """Return the DuckDB type of a polars type.

    Raises:
        KeyError: the contract uses a type that the warehouse has no column for.
    """
    if isinstance(dtype, pl.List):
        inner = dtype.inner
        return f"{sql_type(inner if isinstance(inner, pl.DataType) else inner())}[]"
    if isinstance(dtype, pl.Struct):
        fields = (
            f'"{f.name}" {sql_type(f.dtype if isinstance(f.dtype, pl.DataType) else f.dtype())}'
            for f in dtype.fields
        )
        return f"STRUCT({', '.join(fields)})"
    return _SQL_TYPES[dtype]


def create_table(contract: type[Contract]) -> str:
    """Return the statement that creates a contract's table, without comments and partitioning."""
    columns = contract.columns()
    lines = [
        f'"{name}" {sql_type(dtype)}{"" if columns[name].nullable else " NOT NULL"}'
        for name, dtype in contract.create_empty().schema.items()
    ]
    return f"CREATE TABLE {contract.table_name()} ({', '.join(lines)})"


def create_statements(contract: type[Contract]) -> list[str]:
    """Return the statements that create a contract's table with comments and partitioning."""
    table = contract.table_name()
    statements = [create_table(contract)]
    if partitioning := contract.partitioning():
        statements.append(f"ALTER TABLE {table} SET PARTITIONED BY ({', '.join(partitioning)})")
    statements.append(f"COMMENT ON TABLE {table} IS {quote(contract.comment())}")
    statements += [
        f'COMMENT ON COLUMN {table}."{name}" IS {quote(comment)}'
        for name, comment in contract.column_comments().items()
    ]
    return statements


def missing_columns(contract: type[Contract], present: set[str]) -> list[str]:
    """Return the statements that bring an older table up to its contract.

    Args:
        contract: the table's present contract.
        present: names of the columns that it has.

    Returns:
        Statements that add what is missing; rows written before hold null there.
    """
    table = contract.table_name()
    comments = contract.column_comments()
    statements: list[str] = []
    for name, dtype in contract.create_empty().schema.items():
        if name not in present:
            statements.append(f'ALTER TABLE {table} ADD COLUMN "{name}" {sql_type(dtype)}')
            statements.append(f'COMMENT ON COLUMN {table}."{name}" IS {quote(comments[name])}')
    return statements
