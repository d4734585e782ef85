"""The registry over HTTP: a real MLflow server that dies, comes back, and loses files."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from registering import bias_of, card, register, spoil

from imgassets.learning.registered import CorruptedModel, RegistryUnavailable, hash_files
from imgassets.learning.registry import CARD, ModelRegistry
from tests.servers import MlflowServer, free_port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[MlflowServer]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "mlflow.db")
    made = MlflowServer(folder, free_port())
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


@pytest.mark.slow
@pytest.mark.soak
def test_death_in_the_middle_and_return(
    server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # a user's wish, which is kept
    registry = ModelRegistry(server.url, tmp_path / "unused", cache=tmp_path / "champions")
    assert registry.load_champion("weapon") is None
    version = register(registry, "weapon", bias=0.5, card=card())
    registry.promote("weapon", version)
    fresh = registry.load_champion("weapon")
    assert fresh is not None
    assert fresh.stale == ""
    assert fresh.version.files == hash_files(fresh.folder)
    later = register(registry, "weapon", bias=0.6)

    server.kill()
    served = registry.load_champion("weapon")
    assert served is not None
    assert (served.version, served.folder) == (fresh.version, fresh.folder)
    assert served.version.tags == fresh.version.tags
    assert "# blurry" in (served.folder / CARD).read_text()
    assert served.stale.startswith(f"registry {server.url} did not answer (")
    assert re.search("Connection (refused|aborted)", served.stale)
    with pytest.raises(RegistryUnavailable, match="Connection refused"):
        register(registry, "weapon")
    with pytest.raises(RegistryUnavailable, match="Connection refused"):
        registry.promote("weapon", later)
    with pytest.raises(RegistryUnavailable, match="no champion of blurry is cached"):
        registry.load_champion("blurry")

    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ, "the process is left as it was"
    server.start()
    registry.promote("weapon", later)
    served = registry.load_champion("weapon")
    assert served is not None
    assert served.stale == ""
    assert bias_of(served.folder) == pytest.approx(0.6)


def test_corruption_behind_a_server(server: MlflowServer, tmp_path: Path) -> None:
    registry = ModelRegistry(server.url, tmp_path / "unused", cache=tmp_path / "champions")
    registry.promote("hateful", register(registry, "hateful", bias=0.123))
    held = [
        path
        for path in (server.folder / "artifacts").rglob("model/net.safetensors")
        if np.isclose(bias_of(path.parent), 0.123)
    ]
    assert len(held) == 1
    spoil(held[0])
    with pytest.raises(CorruptedModel, match=r"file net\.safetensors has SHA-256"):
        registry.load_champion("hateful")
    held[0].unlink()
    with pytest.raises(CorruptedModel, match=r"file net\.safetensors is missing"):
        registry.load_champion("hateful")
    shutil.rmtree(server.folder / "artifacts")
    with pytest.raises(CorruptedModel, match="its files are gone"):
        registry.load_champion("hateful")


def test_server_that_is_no_mlflow(tmp_path: Path) -> None:
    """Its 404 must not be taken for 'there is no such model'."""
    port = free_port()
    other = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        registry = ModelRegistry(f"http://user:secret@127.0.0.1:{port}", tmp_path)
        with pytest.raises(RegistryUnavailable, match="404") as refused:
            registry.champion("blurry")
        assert "secret" not in str(refused.value)
    finally:
        other.kill()
        other.wait()
