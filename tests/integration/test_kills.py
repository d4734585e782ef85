"""A killed backfill, run again, ends in the rows of one that was left alone."""

import subprocess
import sys

import pytest

from tests.integration.conftest import REPOSITORY


@pytest.mark.soak
def test_kills_leave_the_rows_of_an_undisturbed_run() -> None:
    script = REPOSITORY / "benchmarks" / "kills.py"
    done = subprocess.run(
        [sys.executable, script, "--kills", "3", "--seed", "1"],
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "differing tables: none" in done.stdout
