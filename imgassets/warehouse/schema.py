"""Which schema a warehouse has, and whether a release may write to it.

A warehouse says by its table ``schema_migrations`` which migrations it has seen. A release writes
to the schema that it knows and to no other: an old process that is still at work while the tables
are migrated would leave rows of the old shape behind. Readers go on wherever a table's columns are
what they ask for.
"""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from imgassets.warehouse.connection import ALIAS, WarehouseError
from imgassets.warehouse.ddl import create_statements, missing_columns
from imgassets.warehouse.migrations import Migration, Release
from imgassets.warehouse.partitions import quote
from imgassets.warehouse.schema_contracts import SchemaMigrations

_TABLE = SchemaMigrations.table_name()


def present_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Return the columns of each table and view that the warehouse has."""
    present: dict[str, set[str]] = {}
    rows = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = ?", [ALIAS]
    ).fetchall()
    for table, column in rows:
        present.setdefault(table, set()).add(column)
    return present


def schema_version(connection: duckdb.DuckDBPyConnection) -> tuple[int, str] | None:
    """Return the number of the warehouse's schema and the release that made it so.

    Returns:
        ``(0, "")`` for a warehouse without migrations; None where there is no table at all.
    """
    try:
        row = connection.execute(
            f"SELECT number, release FROM {_TABLE} ORDER BY number DESC LIMIT 1"
        ).fetchone()
    except duckdb.CatalogException:
        return (0, "") if present_columns(connection) else None
    return (int(row[0]), str(row[1])) if row else (0, "")


def difference(connection: duckdb.DuckDBPyConnection, release: Release) -> str:
    """Return one line on how the warehouse's schema differs from a release's, and what to do.

    '' where it does not, or where there is no table yet.
    """
    found = schema_version(connection)
    if found is None or found[0] == release.schema:
        return ""
    number, by = found
    if number > release.schema:
        return (
            f"the warehouse has schema {number}, written by imgassets {by}, and this is imgassets "
            f"{release.version}, which knows schema {release.schema}: use imgassets {by} here too, "
            f"or with it take the warehouse back by `imgassets migrate --to {release.schema}`"
        )
    return (
        f"the warehouse has schema {number}{f' of imgassets {by}' if by else ''}, and imgassets "
        f"{release.version} writes schema {release.schema}: run `imgassets migrate`"
    )


def refuse_other_schema(connection: duckdb.DuckDBPyConnection, release: Release) -> None:
    """Raise if the warehouse's schema is not the release's.

    Raises:
        WarehouseError: it is not; the message says how to go on.
    """
    if told := difference(connection, release):
        raise WarehouseError(f"Nothing was written: {told}")


def pending_ddl(connection: duckdb.DuckDBPyConnection, release: Release) -> list[str]:
    """Return what creates a release's missing tables, and missing columns of older tables.

    A new warehouse has the shape that all migrations lead to: they are noted as applied.
    """
    present = present_columns(connection)
    statements: list[str] = []
    for contract in release.contracts:
        columns = present.get(contract.table_name())
        statements += (
            create_statements(contract) if columns is None else missing_columns(contract, columns)
        )
    if not present:
        statements += [applied(migration, release) for migration in release.migrations]
    return statements


def applied(migration: Migration, release: Release) -> str:
    """Return the statement that notes a migration as applied."""
    now = datetime.now(UTC).isoformat()
    return (
        f"INSERT INTO {_TABLE} (number, title, release, applied_at) VALUES ({migration.number}, "
        f"{quote(migration.title)}, {quote(release.version)}, TIMESTAMPTZ {quote(now)})"
    )


def withdrawn(migration: Migration) -> str:
    """Return the statement that notes a migration as undone."""
    return f"DELETE FROM {_TABLE} WHERE number = {migration.number}"
