"""`imgassets serve`: how it starts, what it refuses, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.command import other_variables

IMGASSETS = Path(sys.executable).parent / "imgassets"


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [IMGASSETS, "serve", *arguments],
        env={**other_variables(), "IMGASSETS_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_busy_port_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = run(tmp_path, "--port", port)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert port in done.stderr
    assert "--port" in done.stderr


def test_an_address_of_another_machine_is_one_line(tmp_path):
    done = run(tmp_path, "--host", "192.0.2.1", "--port", "0")
    assert done.returncode == 1
    assert "cannot listen at 192.0.2.1" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "wanted", [pytest.param(signal.SIGINT, marks=pytest.mark.soak), signal.SIGTERM]
)
def test_it_ends_gracefully(served, wanted):
    code, printed = served.end(wanted)
    assert code in (0, -wanted)
    assert f"serving {served.url}/review" in printed
    assert "Traceback" not in printed


def test_a_name_that_is_allowed(served):
    served.end(signal.SIGTERM)
    served.start("--allow-host", "review.example")
    for host, status in (("review.example", 200), ("evil.example", 400), ("localhost", 200)):
        assert httpx2.get(f"{served.url}/healthz", headers={"host": host}).status_code == status


def test_a_fresh_home_has_no_questions_and_says_how_to_get_some(fresh_client):
    page = fresh_client.get("/").text
    assert "No open questions" in page
    assert "imgassets review round FLAG" in page
    batch = fresh_client.get("/api/review/tasks", params={"reviewer": "Ana"}).json()
    assert batch == {"tasks": [], "open": 0}


def test_home_links_to_the_pages_there_are(standing_client):
    page = standing_client.get("/").text
    assert "16 open questions" in page
    for link in ("/review", "/review?flag=blurry", "/openapi.json", "/healthz"):
        assert f'href="{link}"' in page
        assert standing_client.get(link).status_code == 200


def test_a_warehouse_that_is_gone_is_503_until_it_is_back(fresh_client, tmp_path):
    catalog = tmp_path / "fresh" / "warehouse" / "catalog.sqlite"
    away = catalog.rename(catalog.with_name("away"))
    for path in ("/healthz", "/api/review/summary?reviewer=Ana"):
        reply = fresh_client.get(path)
        assert (reply.status_code, reply.json()["error"]) == (503, "warehouse_unavailable")
    away.rename(catalog)
    assert fresh_client.get("/healthz").json()["status"] == "ok"
