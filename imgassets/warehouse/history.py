"""The warehouse as it was: its snapshots, and reads as of one of them (DuckLake's time travel).

Who wrote which rows when is read from DuckLake's own catalog, whose tables are part of its
specification: their size goes with the number of commits, not with that of the rows.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from imgassets.warehouse.connection import ALIAS, CATALOG
from imgassets.warehouse.contracts import BY_NAME, Contract
from imgassets.warehouse.ddl import sql_type
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote
from imgassets.warehouse.views import View, views, with_sources

_SNAPSHOTS = f"""
SELECT s.snapshot_id, s.snapshot_time::TIMESTAMPTZ AS time, c.commit_message, c.commit_extra_info
FROM {CATALOG}.ducklake_snapshot AS s
LEFT JOIN {CATALOG}.ducklake_snapshot_changes AS c USING (snapshot_id)
"""


@dataclass(frozen=True)
class Snapshot:
    """One commit to the warehouse.

    Attributes:
        snapshot_id: its number; a later commit has a greater one.
        time: when, in UTC.
        asset: what was written; '' where the commit does not say.
        run_id: the Dagster run that wrote it; '' where none did.
    """

    snapshot_id: int
    time: datetime
    asset: str
    run_id: str


class BeforeHistory(ValueError):
    """What stood at the moment asked for is not kept any more; the message says what is."""


def snapshot_at(warehouse: Warehouse, moment: datetime) -> Snapshot:
    """Return the snapshot that stood at a moment: the last one committed until then.

    Args:
        warehouse: whose.
        moment: in UTC if it names no zone.

    Raises:
        BeforeHistory: the oldest snapshot that is kept is younger, or the one that stood then was
            expired, as forgetting a review does.
    """
    instant = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    found = _read(
        warehouse,
        f"{_SNAPSHOTS} WHERE time <= TIMESTAMPTZ {quote(instant.isoformat())} "
        "ORDER BY snapshot_id DESC LIMIT 1",
    )
    if found:
        _refuse_gap(warehouse, found[0], instant)
        return found[0]
    oldest = _read(warehouse, f"{_SNAPSHOTS} ORDER BY snapshot_id LIMIT 1")[0]
    raise BeforeHistory(
        f"nothing is kept of {instant:%Y-%m-%d %H:%M:%S %Z}: "
        f"the warehouse's oldest snapshot is of {oldest.time:%Y-%m-%d %H:%M:%S %Z}"
    )


def _refuse_gap(warehouse: Warehouse, found: Snapshot, instant: datetime) -> None:
    """Raise if commits after ``found`` were expired, one of which may have stood at ``instant``.

    Snapshots are numbered without gaps.
    """
    if found.time == instant:
        return
    later = _read(
        warehouse,
        f"{_SNAPSHOTS} WHERE snapshot_id > {found.snapshot_id} ORDER BY snapshot_id LIMIT 1",
    )
    if later and later[0].snapshot_id > found.snapshot_id + 1:
        raise BeforeHistory(
            f"what stood at {instant:%Y-%m-%d %H:%M:%S %Z} is not kept: the warehouse's history "
            f"has a gap from {found.time:%Y-%m-%d %H:%M:%S %Z} "
            f"to {later[0].time:%Y-%m-%d %H:%M:%S %Z}"
        )


def latest_snapshot(warehouse: Warehouse) -> Snapshot:
    """Return the snapshot that stands now."""
    return _read(warehouse, f"{_SNAPSHOTS} ORDER BY snapshot_id DESC LIMIT 1")[0]


def writes(
    warehouse: Warehouse, table: type[Contract], category: str | None = None
) -> list[Snapshot]:
    """Return the snapshots that added rows to a table or took some away, latest first.

    One that was expired is stood for by the next that is kept: the first that shows what it wrote.

    Args:
        warehouse: whose.
        table: which.
        category: only those that touched a partition of this category, which the table must be
            partitioned by; None: all.
    """
    files = f"""
    SELECT d.begin_snapshot, d.end_snapshot, r.begin_snapshot AS rows_gone
    FROM {CATALOG}.ducklake_table AS t
    JOIN {CATALOG}.ducklake_data_file AS d USING (table_id)
    LEFT JOIN {CATALOG}.ducklake_delete_file AS r USING (data_file_id)
    WHERE t.table_name = {quote(table.table_name())} AND t.end_snapshot IS NULL
    """
    if category is not None:
        # A table's partitioning may change: each file names the one that it was written by.
        files += f"""AND (d.data_file_id, d.partition_id) IN (
            SELECT v.data_file_id, p.partition_id
            FROM {CATALOG}.ducklake_file_partition_value AS v
            JOIN {CATALOG}.ducklake_partition_column AS p USING (table_id, partition_key_index)
            JOIN {CATALOG}.ducklake_column AS c USING (table_id, column_id)
            WHERE c.column_name = 'category' AND v.partition_value = {quote(category)}
        )"""
    return _read(
        warehouse,
        f"WITH files AS ({files}), touched AS ("
        "SELECT begin_snapshot AS number FROM files "
        "UNION SELECT end_snapshot FROM files UNION SELECT rows_gone FROM files"
        f"), kept AS (SELECT snapshot_id FROM {CATALOG}.ducklake_snapshot), shown AS ("
        "SELECT DISTINCT k.snapshot_id FROM touched AS t ASOF JOIN kept AS k "
        "ON t.number <= k.snapshot_id"
        f") {_SNAPSHOTS} SEMI JOIN shown USING (snapshot_id) ORDER BY snapshot_id DESC",
    )


def _read(warehouse: Warehouse, query: str) -> list[Snapshot]:
    found = []
    for snapshot_id, time, message, extra in warehouse.sql(query).iter_rows():
        told = json.loads(extra) if extra else {}
        asset = told.get("asset") or (message or "").removeprefix("write ")
        found.append(
            Snapshot(snapshot_id, time.astimezone(UTC), asset, str(told.get("run_id", "")))
        )
    return found


class AsOf:
    """Reads some rows of a warehouse as of a snapshot, and as of the feeds up to a day.

    A table that did not exist at the snapshot is empty; a column that did not is null.

    Args:
        warehouse: whose.
        snapshot_id: the snapshot; None: what stands now.
        category: only rows of this category.
        product_ids: only rows of these products; None: of all.
        until: only partitions up to this day; None: all.

    A limit counts for the tables that have its column.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        snapshot_id: int | None = None,
        *,
        category: str | None = None,
        product_ids: Iterable[str] | None = None,
        until: date | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._snapshot_id = snapshot_id
        self._columns_then: dict[str, dict[str, str]] = {}
        self._limits: dict[str, str] = {}
        if category is not None:
            self._limits["category"] = f"category = {quote(category)}"
        if until is not None:
            self._limits["day"] = f"day <= {quote(until)}"
        if product_ids is not None:
            listed = ", ".join(quote(product) for product in product_ids) or "NULL"
            self._limits["product_id"] = f"product_id IN ({listed})"

    def until(self, day: date, *, only: bool = False) -> AsOf:
        """Return a reader of the same rows up to a day, or of that day only."""
        narrowed = copy.copy(self)
        limit = f"day {'=' if only else '<='} {quote(day)}"
        narrowed._limits = {**self._limits, "day": limit}
        return narrowed

    def sql(self, query: str, **frames: pl.DataFrame) -> pl.DataFrame:
        """Run one read-only query over tables as they were.

        Args:
            query: a SELECT that names tables and views without a prefix. Views are today's, over
                the tables of then.
            frames: frames that the query may name as tables.

        Raises:
            QueryError: DuckDB refuses the query.
        """
        asked = View("", query, "")
        through = with_sources(asked.reads([view.name for view in views()]))
        names = {name for view in (asked, *through) for name in view.reads(BY_NAME)}
        present = self._columns()
        parts = {name: self._select(BY_NAME[name], present.get(name)) for name in sorted(names)}
        parts |= {view.name: view.sql for view in through}
        named = ", ".join(f"{name} AS NOT MATERIALIZED (\n{sql}\n)" for name, sql in parts.items())
        return self._warehouse.sql(f"WITH {named}\n{query}", **frames)

    def read(self, table: type[Contract], where: str = "true") -> pl.DataFrame:
        """Return a table's rows as they were, sorted by key."""
        order = ", ".join(f'"{name}"' for name in table.primary_key()) or "ALL"
        query = f"FROM {table.table_name()} WHERE {where} ORDER BY {order}"
        return self.sql(query).cast(table.create_empty().schema)

    def _columns(self) -> dict[str, dict[str, str]]:
        """Return the columns that tables had, by table: today's name and the one they had then.

        Of the present, those of the contracts.
        """
        if self._snapshot_id is None:
            return {
                name: {column: column for column in table.column_names()}
                for name, table in BY_NAME.items()
            }
        if not self._columns_then:
            stood = (
                "{0}.begin_snapshot <= {1} AND ({0}.end_snapshot IS NULL OR {0}.end_snapshot > {1})"
            )
            rows = self._warehouse.sql(
                f"SELECT t.table_name, now.column_name AS now, c.column_name AS then "
                f"FROM {CATALOG}.ducklake_table AS t "
                f"JOIN {CATALOG}.ducklake_column AS c USING (table_id) "
                f"JOIN {CATALOG}.ducklake_column AS now USING (table_id, column_id) "
                f"WHERE c.parent_column IS NULL AND {stood.format('t', self._snapshot_id)} "
                f"AND {stood.format('c', self._snapshot_id)} AND now.end_snapshot IS NULL"
            )
            for table, now, then in rows.iter_rows():
                self._columns_then.setdefault(table, {})[now] = then
        return self._columns_then

    def _select(self, table: type[Contract], present: dict[str, str] | None) -> str:
        schema = table.create_empty().schema
        columns = ", ".join(
            f'"{present[name]}" AS "{name}"'
            if present and name in present
            else f'NULL::{sql_type(dtype)} AS "{name}"'
            for name, dtype in schema.items()
        )
        if not present:
            return f"SELECT {columns} WHERE false"
        at = "" if self._snapshot_id is None else f" AT (VERSION => {self._snapshot_id})"
        limits = [limit for name, limit in self._limits.items() if name in present]
        where = " AND ".join(limits) or "true"
        return f"SELECT {columns} FROM {ALIAS}.{table.table_name()}{at} WHERE {where}"
