import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from imgassets.warehouse import lake
from imgassets.warehouse.contracts import PartitionState
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.migrations import ChangeRule, Migration, Release
from imgassets.warehouse.schema_contracts import SchemaMigrations
from tests.command import run_command

TABLES = (PartitionState, SchemaMigrations)
STRICTER = Migration(
    1, "long fingerprints",
    (ChangeRule("partition_state", "true", "length(fingerprint) > 1"),),
)  # fmt: skip


def test_a_person_migrates_and_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = {"IMGASSETS_HOME": str(tmp_path)}
    nothing = run_command("migrate", environment=home)
    assert nothing.returncode == 1
    assert "run `imgassets ingest` first" in nothing.stderr
    old = Warehouse(
        f"ducklake:sqlite:{tmp_path}/warehouse/catalog.sqlite", f"{tmp_path}/warehouse/data",
        Release("0.0.1", TABLES, (), views=tuple),
    )  # fmt: skip
    row = {"day": [dt.date(2026, 1, 5)], "category": "tee", "stage": "offers", "fingerprint": "f"}
    old.replace([Replacement(PartitionState, pl.DataFrame(row))], CommitMessage("partition_state"))
    # The next release, as its own command would find it.
    monkeypatch.setattr(
        lake.Warehouse.__init__, "__defaults__", (Release("9.9", TABLES, (STRICTER,), views=tuple),)
    )
    tried = run_command("migrate", "--dry-run", environment=home)
    assert "the warehouse would go from schema 0 to 1:" in tried.stdout
    done = run_command("migrate", environment=home)
    assert "rows of partition_state keep length(fingerprint) > 1, not true" in done.stdout
    assert ": 1 in 2026-01-05/tee" in done.stdout
    assert "1 partitions to compute: `imgassets backfill`" in done.stdout
    again = run_command("migrate", environment=home)
    assert again.stdout.strip() == "nothing to do: the warehouse has schema 1"
    assert run_command("migrate", "--to", "0", environment=home).returncode == 0
    wrong = run_command("migrate", "--to", "7", environment=home)
    assert wrong.returncode == 1
    assert "knows the schemas 0 to 1, not 7" in wrong.stderr
