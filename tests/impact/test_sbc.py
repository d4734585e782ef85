"""Simulation-based calibration: the sampler draws from the posterior of what it says it models."""

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY


@pytest.mark.soak
def test_truths_lie_evenly_in_their_posteriors() -> None:
    script = REPOSITORY / "benchmarks" / "impact_sbc.py"
    run = subprocess.run(
        [sys.executable, str(script), "--fits", "150"], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "41 tests of 150 fits each" in run.stdout
