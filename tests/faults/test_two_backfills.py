"""Two backfills of the same partitions at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.kills import environment, imgassets
from imgassets.sample import write_sample_catalog
from tests.faults.homes import compared
from tests.faults.ledger import Outcome

_CATEGORY = "tablet"


def drill(folder: Path, processes: int = 2) -> Outcome:
    """Run the same backfill in several processes, and once in another home that has it alone."""
    sample = write_sample_catalog(folder / "sample", styles=2)
    peaceful, contested = folder / "peaceful", folder / "contested"
    for home in (peaceful, contested):
        imgassets(home, "ingest", str(sample.feeds), "--image-base", str(sample.folder))
    imgassets(peaceful, "backfill", "--category", _CATEGORY)
    command = [sys.executable, "-m", "imgassets", "backfill", "--category", _CATEGORY]
    running = [
        subprocess.Popen(
            command, env=environment(contested), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(processes)
    ]
    failed = 0
    for process in running:
        output, _ = process.communicate(timeout=500)
        if process.returncode:
            failed += 1
            print(output.decode()[-2000:])
    again = subprocess.run(
        command, env=environment(contested), capture_output=True, text=True, timeout=500
    )
    manual = 0 if "nothing to do" in again.stdout else 1
    return compared(peaceful, contested) + Outcome(tries=1, manual=manual, failed=failed)


@pytest.mark.soak
def test_both_end_well_and_the_rows_are_those_of_one(tmp_path: Path) -> None:
    found = drill(tmp_path)
    assert found.harmless
    assert found.failed == 0
