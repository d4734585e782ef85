"""Prometheus is told what Dagster and the warehouse hold."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import httpx2
import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from imgassets.defs.exporter import Exporter
from imgassets.ingest.store import ImageStore
from imgassets.operations.maintenance import measure
from imgassets.operations.metrics import METRICS
from imgassets.service.telemetry import Metrics
from imgassets.settings import Settings
from imgassets.warehouse.lake import CommitMessage, Warehouse
from tests.command import other_variables
from tests.conftest import REPOSITORY
from tests.servers import free_port
from tests.set_rows import DAY, A, B, write_set


@dg.asset
def good() -> None:
    pass


@dg.asset
def bad() -> None:
    raise ValueError("no")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name.removeprefix("imgassets_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_runs_assets_backlog_and_sizes_are_told(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = Settings(home=tmp_path)
    lake = Warehouse(settings.warehouse, settings.warehouse_data)
    exporter = Exporter(instance, lake, settings)
    registry = CollectorRegistry()
    registry.register(exporter)
    faults = exporter.refresh()
    assert list(faults) == ["warehouse"]  # there is none yet
    assert "No warehouse at" in faults["warehouse"]

    dg.materialize([good], instance=instance)
    dg.materialize([bad], instance=instance, raise_on_error=False)
    write_set(lake, "run-1", DAY, "tees", "p", A, B)
    measure(lake, ImageStore(settings.image_store), settings, CommitMessage("sizes"))
    assert exporter.refresh() == {}
    found = samples(generate_latest(registry).decode())

    def of(metric: str, /, **labels: str) -> float:
        return found[metric, frozenset(labels.items())]

    assert of("up", part="dagster") == of("up", part="warehouse") == 1
    assert of("runs", status="success") == of("runs", status="failure") == 1
    assert of("run_last_duration_seconds", job="__ephemeral_asset_job__", status="failure") >= 0
    now = time.time()
    assert now - of("asset_last_materialization_timestamp_seconds", asset="good") < 600
    assert not [name for name, labels in found if ("asset", "bad") in labels]
    assert now - of("warehouse_last_commit_timestamp_seconds") < 600
    assert of("offer_rows") == 1
    assert of("storage_bytes", kind="table", name="ordered_image_sets") > 0
    assert of("stale_partitions") == 0


def test_rules_and_dashboard_ask_for_what_is_told() -> None:
    service = {
        sample.name for family in Metrics().registry.collect() for sample in family.samples
    } | {f"imgassets_{name}" for name in ("requests_total", "request_seconds_bucket")}
    told = {f"imgassets_{name}" for name in METRICS} | service
    for path in ("prometheus/alerts.yaml", "grafana/imgassets.json"):
        text = (REPOSITORY / "deploy" / path).read_text()
        asked = set(re.findall(r"\bimgassets_[a-z_]+", text))
        assert asked
        assert asked <= told, path


def test_logs_of_runs_are_json_lines_where_dagster_yaml_says_so(
    capfd: pytest.CaptureFixture[str],
) -> None:
    documented = (REPOSITORY / "docs" / "upkeep.md").read_text()
    (snippet,) = re.findall(r"```yaml\n(python_logs:.+?)```", documented, re.DOTALL)
    with dg.instance_for_test(overrides=yaml.safe_load(snippet)) as instance:
        dg.materialize([bad], instance=instance, raise_on_error=False)
    out, _ = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    (failure,) = (line for line in lines if "Execution of step" in line["message"])
    assert failure["level"] == "error"
    assert failure["step_key"] == "bad"
    assert failure["run_id"]
    assert "ValueError: no" in failure["exception"]


@pytest.mark.soak
def test_the_command_serves_them(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("imgassets"), "exporter", "--port", str(port)],
        env={**other_variables(), "IMGASSETS_HOME": str(tmp_path)},
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert process.poll() is None
            try:
                answer = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=30)
                if 'imgassets_up{part="dagster"} 1.0' in answer.text:
                    break
            except httpx2.TransportError:
                pass
            time.sleep(0.5)
        else:
            raise AssertionError("no metrics came")
        assert 'imgassets_up{part="warehouse"} 0.0' in answer.text
    finally:
        process.terminate()
        process.wait(timeout=30)
