"""Metrics of runs, assets and the daemon beside those of the warehouse, for Prometheus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import dagster as dg
from prometheus_client.core import GaugeMetricFamily

from imgassets.defs.health import heartbeat_ages
from imgassets.operations.metrics import METRICS, Measure, warehouse_measures
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

_RUNS = 200
"""Latest runs whose jobs' durations are told."""

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def dagster_measures(instance: dg.DagsterInstance) -> list[Measure]:
    """Return runs by status, jobs' last ends and durations, assets' ages, and heartbeats."""
    measures = [
        Measure(
            "runs",
            instance.get_runs_count(dg.RunsFilter(statuses=[status])),
            {"status": status.value.lower()},
        )
        for status in dg.DagsterRunStatus
    ]
    told: set[tuple[str, str]] = set()
    for record in instance.get_run_records(dg.RunsFilter(statuses=_ENDED), limit=_RUNS):
        run, started, ended = record.dagster_run, record.start_time, record.end_time
        job, status = run.job_name, run.status.value.lower()
        if started is None or ended is None or (job, status) in told:
            continue  # the latest come first
        told.add((job, status))
        labels = {"job": job, "status": status}
        measures += [
            Measure("run_last_end_timestamp_seconds", ended, labels),
            Measure("run_last_duration_seconds", ended - started, labels),
        ]
    for asset in instance.get_asset_records():
        latest = asset.asset_entry.last_materialization_record
        if latest is not None:
            name = asset.asset_entry.asset_key.to_user_string()
            measures.append(
                Measure(
                    "asset_last_materialization_timestamp_seconds",
                    latest.event_log_entry.timestamp,
                    {"asset": name},
                )
            )
    measures += [
        Measure("daemon_heartbeat_age_seconds", age, {"daemon": kind})
        for kind, age in heartbeat_ages(instance).items()
    ]
    return measures


class Exporter:
    """What Prometheus collects: the numbers of the last look, so that no scrape waits for one.

    Args:
        instance: Dagster's.
        warehouse: the warehouse.
        settings: by which partitions are stale.
    """

    def __init__(
        self, instance: dg.DagsterInstance, warehouse: Warehouse, settings: Settings
    ) -> None:
        self._parts: dict[str, Callable[[], list[Measure]]] = {
            "dagster": lambda: dagster_measures(instance),
            "warehouse": lambda: warehouse_measures(warehouse, settings),
        }
        self._measures: list[Measure] = []
        self._lock = threading.Lock()

    def refresh(self) -> dict[str, str]:
        """Look again; return what went wrong, by part."""
        found: list[Measure] = []
        faults: dict[str, str] = {}
        for part, look in self._parts.items():
            begun = time.monotonic()
            try:
                found += look()
            except Exception as error:  # a part that is down must not hide the other
                faults[part] = f"{type(error).__name__}: {error}"
            labels = {"part": part}
            found += [
                Measure("up", part not in faults, labels),
                Measure("look_seconds", time.monotonic() - begun, labels),
            ]
        with self._lock:
            self._measures = found
        return faults

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the numbers of the last look, as prometheus_client wants them."""
        with self._lock:
            measures = self._measures
        families: dict[str, GaugeMetricFamily] = {}
        for measure in measures:
            family = families.setdefault(
                measure.name,
                GaugeMetricFamily(
                    f"imgassets_{measure.name}",
                    METRICS[measure.name],
                    labels=list(measure.labels),
                ),
            )
            family.add_metric(list(measure.labels.values()), measure.value)
        yield from families.values()
