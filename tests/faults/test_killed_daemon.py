"""kill -9 of Dagster's daemon, with its code server and its runs, in the middle of a backfill."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

from imgassets.sample import write_sample_catalog
from tests.faults.homes import compared
from tests.faults.ledger import Outcome
from tests.integration.conftest import BIN, REPOSITORY, Deployment, deploy, running

_RUNS = "{ runsOrError(filter: {statuses: [STARTED]}) { ... on Runs { results { runId } } } }"
_BACKFILLS = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { status } } } }"


def drill(killed: Deployment, peaceful: Deployment, rng: random.Random) -> Outcome:
    """Kill the daemon's whole process group while a run is at work, and start the daemon again."""
    chosen = ("--category", "tablet")
    assert peaceful.imgassets("backfill", *chosen).returncode == 0
    with running(killed):
        assert killed.imgassets("backfill", "--launch", *chosen).returncode == 0
        _await(lambda: _ask(killed, _RUNS)["runsOrError"]["results"], "a run")
        time.sleep(rng.uniform(0, 10))
        daemon = next(
            child
            for child in psutil.Process().children()
            if any("dagster-daemon" in part for part in child.cmdline())
        )
        os.killpg(daemon.pid, signal.SIGKILL)
        with _daemon(killed):
            _await(lambda: _ended(killed), "the backfill's end")
    rest = killed.imgassets("backfill", *chosen)
    manual = 0 if "nothing to do" in rest.stdout else 1
    return compared(peaceful.home, killed.home) + Outcome(tries=1, manual=manual)


@contextmanager
def _daemon(deployment: Deployment) -> Iterator[None]:
    process = subprocess.Popen(
        [BIN / "dagster-daemon", "run", "-w", REPOSITORY / "workspace.yaml"],
        env=deployment.environment, cwd=REPOSITORY, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _ask(deployment: Deployment, query: str) -> dict[str, dict[str, list[dict[str, str]]]]:
    answer = httpx2.post(f"{deployment.url}/graphql", json={"query": query}, timeout=60)
    data: dict[str, dict[str, list[dict[str, str]]]] = answer.json()["data"]
    return data


def _ended(deployment: Deployment) -> bool:
    (backfill,) = _ask(deployment, _BACKFILLS)["partitionBackfillsOrError"]["results"]
    assert backfill["status"] not in ("COMPLETED_FAILED", "FAILED"), backfill
    return backfill["status"] == "COMPLETED_SUCCESS"


def _await(condition: Callable[[], object], what: str, seconds: float = 480) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(1)


def deployments(folder: Path) -> tuple[Deployment, Deployment]:
    """Return two homes with the same feeds: one for the drill, one that is left alone."""
    sample = write_sample_catalog(folder / "sample", styles=2)
    return deploy(folder / "killed", sample), deploy(folder / "peaceful", sample)


@pytest.mark.soak
def test_the_backfill_ends_by_itself_with_the_rows_of_one_left_alone(tmp_path: Path) -> None:
    assert drill(*deployments(tmp_path), random.Random(0)).harmless
