"""The command that looks whether everything is there and works."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from imgassets.cli.common import console, open_warehouse, settings

if TYPE_CHECKING:
    from imgassets.operations.doctor import Finding
    from imgassets.settings import Settings

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


class Format(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"


def doctor(
    format: Annotated[
        Format, typer.Option(help="How to print findings; json: one a line.")
    ] = Format.text,
) -> None:
    """Look whether everything that imgassets needs is there and works; say what to do if not.

    Versions, DuckDB's extensions, catalog, places that are written (a file each, which is removed),
    images, models, the GPU, clocks, disk space, Dagster's storage and its daemon. Exit code 1 if
    something fails; a warning is no failure.
    """
    failed = False
    for finding in _findings(settings()):
        failed |= finding.status == "fail"
        if format is Format.json:
            typer.echo(json.dumps(asdict(finding), ensure_ascii=False))
            continue
        console.print(f"[{_COLOURS[finding.status]}]{finding.status:4}[/] {finding.what}: ", end="")
        console.print(finding.told, markup=False, soft_wrap=True)
        if finding.remedy:
            console.print(f"     → {finding.remedy}", markup=False, soft_wrap=True)
    if failed:
        sys.exit(1)


def _findings(of: Settings) -> Iterator[Finding]:
    from imgassets.operations.doctor import examine

    yield from examine(of, open_warehouse(of))
    from imgassets.defs.health import examine_dagster

    yield from examine_dagster(of)
