"""The command `imgassets`, run in this process.

A process of its own takes seconds to import torch, Dagster and MLflow. Tests of what a command does
call it here; that the installed command starts and works as a process is what the README's test,
the demo's and those of the service and of launching do.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

from imgassets.cli import main
from imgassets.cli.common import console, errors


def other_variables() -> dict[str, str]:
    """Return the environment without the variables of imgassets, Dagster and MLflow."""
    ours = ("IMGASSETS_", "DAGSTER", "MLFLOW_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def run_command(
    *arguments: str, environment: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `imgassets` with arguments; return exit code and output as `subprocess.run` would.

    Variables of imgassets, Dagster and MLflow are those of `environment` alone.
    """
    out, err = io.StringIO(), io.StringIO()
    code = 0
    before = console.file, errors.file
    console.file, errors.file = out, err
    try:
        with (
            patch.dict(os.environ, {**other_variables(), **environment}, clear=True),
            patch.object(sys, "argv", ["imgassets", *arguments]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            contextlib.chdir(folder or Path.cwd()),
        ):
            main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        console.file, errors.file = before
    return subprocess.CompletedProcess(
        ["imgassets", *arguments], code, out.getvalue(), err.getvalue()
    )
