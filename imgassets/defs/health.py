"""Whether Dagster itself is well: its storage, its daemon."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dagster as dg

from imgassets.defs.runner import open_instance
from imgassets.operations.doctor import Finding
from imgassets.settings import Settings

STALE_SECONDS = 300.0
"""Age of a heartbeat from which a daemon counts as dead; it beats every half minute."""


def heartbeat_ages(instance: dg.DagsterInstance) -> dict[str, float]:
    """Return the age of the last heartbeat of each kind of daemon that ever ran, in seconds."""
    now = time.time()
    return {
        kind: now - heartbeat.timestamp
        for kind, heartbeat in sorted(instance.get_daemon_heartbeats().items())
    }


def examine_dagster(settings: Settings) -> Iterator[Finding]:
    """Look at Dagster's storage and daemon.

    Yields:
        A finding for each.
    """
    try:
        with open_instance(settings) as instance:
            runs = instance.get_runs_count()
            ages = heartbeat_ages(instance)
    except Exception as error:  # Dagster's storage raises what its database does
        told = " ".join(str(error).split())[:300] or type(error).__name__
        remedy = "see dagster.yaml in DAGSTER_HOME, and that its database is up"
        yield Finding("Dagster's storage", "fail", told, remedy)
        return
    yield Finding("Dagster's storage", "ok", f"{runs} runs")
    remedy = "`make dev` or `dagster-daemon run` starts it: schedules and sensors need it"
    if not ages:
        yield Finding("daemon", "warn", "has never run here", remedy)
    elif (oldest := max(ages.values())) > STALE_SECONDS:
        yield Finding("daemon", "warn", f"was last seen {oldest:.0f} s ago", remedy)
    else:
        yield Finding("daemon", "ok", f"was last seen {oldest:.0f} s ago")
