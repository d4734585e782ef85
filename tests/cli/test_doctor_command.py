"""The doctor says what is wrong and what to do; what is well it says in one line each."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from imgassets.operations.doctor import Finding, _catalog, examine
from imgassets.settings import Settings
from imgassets.warehouse.contracts import FetchedImages
from imgassets.warehouse.lake import Addition, CommitMessage, Warehouse
from tests.command import run_command
from tests.review_home import filled
from tests.set_rows import DAY, A


def findings(settings: Settings) -> dict[str, Finding]:
    return {found.what: found for found in examine(settings, lake_of(settings))}


def lake_of(settings: Settings) -> Warehouse:
    return Warehouse(settings.warehouse, settings.warehouse_data)


def test_a_new_home_works_and_says_what_is_not_there_yet(tmp_path: Path) -> None:
    environment = {"IMGASSETS_HOME": str(tmp_path)}
    done = run_command("doctor", "--format", "json", environment=environment)
    found = {line["what"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stdout
    assert {what for what, line in found.items() if line["status"] == "warn"} == {
        "catalog", "images", "models", "daemon",
    }  # fmt: skip
    assert all(line["remedy"] for line in found.values() if line["status"] != "ok")
    assert "imgassets 0." in found["versions"]["told"]
    assert not list((tmp_path / "images").iterdir())  # probes are removed


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one fetched image, whose bytes are lost."""
    folder = tmp_path_factory.mktemp("home")
    keys = {"day": [DAY], "category": ["tees"], "product_id": ["p"], "supplier_id": ["s"]}
    values = {
        "image_url": "u", "image_location": "u", "image_id": A, "format": "PNG", "width": 9,
        "height": 9, "byte_size": 9, "mode": "rgb", "bit_depth": 8, "frames": 1,
    }  # fmt: skip
    rows = filled(FetchedImages, pl.DataFrame(keys), values)
    lake_of(Settings(home=folder)).replace(
        [Addition(FetchedImages, rows)], CommitMessage("fetched_images")
    )
    return folder


def test_what_fails_is_told_with_its_remedy(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    broken = Settings(
        home=home,
        landing=str(blocked),
        mlflow_tracking_uri="http://127.0.0.1:9",
        vision={"device": "cuda:7"},
    )
    found = findings(broken)
    failed = {what for what, finding in found.items() if finding.status == "fail"}
    assert failed == {"feeds' copies", "images", "models", "device"}
    assert all(found[what].remedy for what in failed)
    assert found["catalog"].status == "ok"
    assert "1 of 1 images with rows are not in the store" in found["images"].told
    assert "IMGASSETS_VISION__DEVICE=cpu" in found["device"].remedy


def test_the_command_that_maintains_says_first_and_does_when_told(
    home: Path, tmp_path: Path
) -> None:
    done = run_command("maintain", environment={"IMGASSETS_HOME": str(tmp_path)})
    assert (done.returncode, "No warehouse at" in done.stderr) == (1, True)
    environment = {"IMGASSETS_HOME": str(home)}
    lake = lake_of(Settings(home=home))
    before = lake.snapshot_id()
    done = run_command("maintain", environment=environment)
    assert (done.returncode, lake.snapshot_id()) == (0, before)
    assert "would be expired: 0" in done.stdout
    assert "nothing was changed: `imgassets maintain --apply` does it" in done.stdout
    picture = tmp_path / "sizes.png"
    done = run_command("maintain", "--apply", "--plot", str(picture), environment=environment)
    assert done.returncode == 0, done.stderr
    assert lake.snapshot_id() > before
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_catalogs_clock_is_compared(home: Path) -> None:
    settings = Settings(home=home)
    with lake_of(settings).connect(read_only=False) as connection:
        connection.execute(
            "UPDATE __ducklake_metadata_lake.ducklake_snapshot "
            "SET snapshot_time = '2200-01-01 00:00:00+00'"
        )
    found = _catalog(lake_of(settings))
    assert (found.status, "clock differs" in found.told) == ("fail", True)
