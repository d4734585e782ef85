"""A real Dagster: webserver and daemon on the small sample catalog, as `make dev` runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from imgassets.sample import SampleCatalog, write_sample_catalog
from tests.command import other_variables, run_command
from tests.servers import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@dataclass
class Deployment:
    """One IMGASSETS_HOME and the commands that run against it."""

    home: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def imgassets(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command(*arguments, environment=self.environment)

    def rows(self, query: str) -> list[str]:
        done = self.imgassets("sql", query, "--format", "csv")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[1:]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleCatalog:
    return write_sample_catalog(tmp_path_factory.mktemp("sample"), styles=2)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, sample: SampleCatalog) -> Deployment:
    return deploy(tmp_path_factory.mktemp("home"), sample)


def deploy(home: Path, sample: SampleCatalog) -> Deployment:
    """Return a deployment that has ingested the sample's feeds."""
    port = free_port()
    environment = {
        **other_variables(),
        "IMGASSETS_HOME": str(home),
        "IMGASSETS_DAGSTER_STORAGE": str(home / "dagster"),
        "IMGASSETS_WEBSERVER": f"http://127.0.0.1:{port}",
        "DAGSTER_HOME": str(REPOSITORY / "dagster_home"),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "COLUMNS": "200",
    }
    made = Deployment(home, port, environment)
    done = made.imgassets("ingest", str(sample.feeds), "--image-base", str(sample.folder))
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def dagster(deployment: Deployment) -> Iterator[Deployment]:
    """The deployment with webserver and daemon running."""
    with running(deployment):
        yield deployment


@contextmanager
def running(deployment: Deployment) -> Iterator[None]:
    """Run webserver and daemon for the time of a ``with`` block."""
    log = (deployment.home / "dagster.log").open("w")
    commands = (
        [BIN / "dagster-webserver", "-h", "127.0.0.1", "-p", str(deployment.port)],
        [BIN / "dagster-daemon", "run"],
    )
    processes = [
        subprocess.Popen(
            [*command, "-w", str(REPOSITORY / "workspace.yaml")],
            env=deployment.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=REPOSITORY,
            start_new_session=True,
        )
        for command in commands
    ]
    try:
        _await_daemon(deployment, time.monotonic() + 120)
        yield
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        log.close()


def _await_daemon(deployment: Deployment, deadline: float) -> None:
    query = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } }"
    while time.monotonic() < deadline:
        try:
            answer = httpx2.post(f"{deployment.url}/graphql", json={"query": query}, timeout=30)
            statuses = answer.json()["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
            if any(s["daemonType"] == "BACKFILL" and s["healthy"] for s in statuses):
                return
        except (httpx2.HTTPError, KeyError, ValueError):
            pass
        time.sleep(1)
    log = (deployment.home / "dagster.log").read_text()[-3000:]
    raise AssertionError(f"Dagster did not come up:\n{log}")
