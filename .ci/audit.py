"""Look up what is installed in the databases of known vulnerabilities, where they can be reached.

    python .ci/audit.py

pip-audit asks PyPI. Where it does not answer (a machine without network, an index of one's own),
nothing can be said about anything: that is told, and is no failure. Exit code 1: something that is
installed is known to be vulnerable.
"""

from __future__ import annotations

import json
import subprocess
import sys

_SECONDS = 180


def main() -> int:
    """Ask, and print what was found; return the exit code."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"dependency audit: no answer within {_SECONDS} s")
        return 0
    if not done.stdout.strip():
        reason = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        print(f"dependency audit: could not run ({reason})")
        return 0
    found = json.loads(done.stdout)["dependencies"]
    asked = [package for package in found if "skip_reason" not in package]
    vulnerable = [package for package in asked if package["vulns"]]
    print(f"dependency audit: {len(asked)} of {len(found)} packages looked up", end="")
    print(", none is known to be vulnerable" if asked and not vulnerable else "")
    for package in vulnerable:
        for fault in package["vulns"]:
            mended = ", ".join(fault["fix_versions"]) or "no version yet"
            print(f"  {package['name']} {package['version']}: {fault['id']}, mended in {mended}")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
