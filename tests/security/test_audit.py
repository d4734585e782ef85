"""What CI says of dependencies: a bill of materials, and what is known of their faults."""

import json
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPOSITORY


def test_the_bill_of_materials_lists_every_dependency(tmp_path: Path) -> None:
    out = tmp_path / "sbom.json"
    command = ["environment", "--pyproject", REPOSITORY / "pyproject.toml", "--no-validate"]
    subprocess.run(
        [Path(sys.executable).parent / "cyclonedx-py", *command, "-o", out, sys.executable],
        check=True,
        capture_output=True,
    )
    bill = json.loads(out.read_text(encoding="utf-8"))
    listed = {canonicalize_name(part["name"]): part["version"] for part in bill["components"]}
    needed = [Requirement(line) for line in requires("imgassets") or []]
    always = {canonicalize_name(one.name) for one in needed if one.marker is None}
    assert always <= set(listed)
    assert len(always) > 30
    assert listed["torch"].startswith("2.13.0")
    assert bill["metadata"]["component"]["name"] == "imgassets"


_FINDINGS = {
    "nothing": ([{"name": "a", "version": "1", "vulns": []}], 0, "1 of 1 packages looked up, none"),
    "a fault": (
        [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}],
        1,
        "a 1: CVE-1, mended in 2",
    ),
    "no answer": ([{"name": "a", "skip_reason": "not found"}], 0, "0 of 1 packages looked up\n"),
}


@pytest.mark.parametrize("case", _FINDINGS)
def test_the_audit_says_what_was_found(case: str, tmp_path: Path) -> None:
    """pip-audit's answer is given: whether PyPI can be reached is not this project's to decide."""
    found, code, says = _FINDINGS[case]
    (tmp_path / "pip_audit.py").write_text(
        f"print({json.dumps(json.dumps({'dependencies': found}))})", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, REPOSITORY / ".ci" / "audit.py"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert says in done.stdout
