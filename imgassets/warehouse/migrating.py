"""Taking a warehouse from one schema to another, up or back, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from imgassets.warehouse.connection import ALIAS, WarehouseError, transaction
from imgassets.warehouse.contracts import PartitionState
from imgassets.warehouse.ddl import create_statements
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.migrations import Step
from imgassets.warehouse.partitions import Partition, partition_predicate, quote
from imgassets.warehouse.retrying import retried
from imgassets.warehouse.schema import applied, present_columns, schema_version, withdrawn
from imgassets.warehouse.schema_contracts import SchemaMigrations

_RESULTS = ("complete", "impact", "review_ranks")
"""Marks that say that a partition's rows are final; without them they are computed again."""


@dataclass(frozen=True)
class Broken:
    """Rows that a step leaves to be computed again; they stand until then.

    Attributes:
        step: what it changes, in words.
        rows: how many.
        partitions: where they are; none for a table without partitions, which no backfill fills.
    """

    step: str
    rows: int
    partitions: tuple[Partition, ...]


@dataclass(frozen=True)
class Migrated:
    """What a migration did, or would do.

    Attributes:
        before: the schema that the warehouse had.
        after: the one that it has now.
        steps: what changed, in order.
        broken: rows to be computed again.
    """

    before: int
    after: int
    steps: tuple[str, ...]
    broken: tuple[Broken, ...]

    @property
    def stale(self) -> tuple[Partition, ...]:
        """Return the partitions to be computed again, sorted."""
        return tuple(sorted({cell for found in self.broken for cell in found.partitions}))


class _DryRun(Exception):
    """Takes back what was tried."""


def migrate(warehouse: Warehouse, to: int | None = None, *, dry_run: bool = False) -> Migrated:
    """Take the warehouse to a schema, up or back; all of it in one transaction, or nothing.

    Args:
        warehouse: whose; its release knows the steps.
        to: number of the schema; None: the release's own.
        dry_run: do it, and take it back before it is committed.

    Returns:
        What was done, or would be.

    Raises:
        WarehouseError: there is no warehouse or no such schema; the warehouse's schema is newer
            than the release; a step fails; the catalog stays busy.
    """
    release = warehouse.release
    wanted = release.schema if to is None else to
    if not 0 <= wanted <= release.schema:
        raise WarehouseError(
            f"imgassets {release.version} knows the schemas 0 to {release.schema}, not {wanted}"
        )
    with warehouse.connect():  # a warehouse that is not there is not made to be migrated
        pass

    def once() -> Migrated:
        with warehouse.commit_lock(), warehouse.connect(read_only=False) as connection:
            return _change(warehouse, connection, wanted, dry_run)

    done = retried(once, f"schema {wanted}")
    if not dry_run and wanted == release.schema:
        warehouse.install()
    return done


def _change(
    warehouse: Warehouse, connection: duckdb.DuckDBPyConnection, wanted: int, dry_run: bool
) -> Migrated:
    """Take the steps in one transaction; a dry run takes them back."""
    release = warehouse.release
    found = schema_version(connection)
    if found is None:
        raise WarehouseError("The warehouse has no tables yet: run `imgassets ingest` first.")
    before, by = found
    if before > release.schema:
        raise WarehouseError(
            f"The warehouse has schema {before}, of which imgassets {release.version} knows "
            f"nothing: migrate it with imgassets {by}"
        )
    up = [m for m in release.migrations if before < m.number <= wanted]
    down = [m for m in reversed(release.migrations) if wanted < m.number <= before]
    steps = [s for m in up for s in m.steps] + [s for m in down for s in m.back()]
    broken: list[Broken] = []
    try:
        with transaction(connection, "imgassets", f"migrate schema {before} to {wanted}"):
            if SchemaMigrations.table_name() not in present_columns(connection):
                for statement in create_statements(SchemaMigrations):
                    connection.execute(statement)
            for step in steps:
                broken += _take(connection, step)
            for migration in up:
                connection.execute(applied(migration, release))
            for migration in down:
                connection.execute(withdrawn(migration))
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return Migrated(before, wanted, tuple(map(str, steps)), tuple(broken))


def _take(connection: duckdb.DuckDBPyConnection, step: Step) -> list[Broken]:
    """Take one step; return the rows that it leaves to be computed again, if any."""
    try:
        for statement in step.statements(_mandatory(connection, step.table)):
            connection.execute(statement)
        if not (condition := step.broken()):
            return []
        found = _broken(connection, step, condition)
    except (duckdb.ProgrammingError, duckdb.DataError) as error:
        raise WarehouseError(f"Nothing was changed: cannot {step}: {error}") from error
    if found is None:
        return []
    if found.partitions:
        stages = ", ".join(map(quote, _RESULTS))
        connection.execute(
            f"DELETE FROM {PartitionState.table_name()} WHERE stage IN ({stages}) "
            f"AND ({partition_predicate(found.partitions)})"
        )
    return [found]


def _mandatory(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    """Return the columns of a table that may not be null."""
    rows = connection.execute(
        "SELECT column_name FROM duckdb_columns() "
        "WHERE database_name = ? AND table_name = ? AND NOT is_nullable",
        [ALIAS, table],
    ).fetchall()
    return {name for (name,) in rows}


def _broken(connection: duckdb.DuckDBPyConnection, step: Step, condition: str) -> Broken | None:
    partitioned = {"day", "category"} <= present_columns(connection)[step.table]
    cell = "day, category" if partitioned else "NULL, NULL"
    rows = connection.execute(
        f"SELECT {cell}, count(*) FROM {step.table} WHERE {condition} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    if not rows:
        return None
    cells = tuple(Partition(day, category) for day, category, _ in rows) if partitioned else ()
    return Broken(str(step), sum(count for *_, count in rows), cells)
