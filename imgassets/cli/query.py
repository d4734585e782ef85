"""Commands that look: SQL on the warehouse, and the environment to reach it."""

from __future__ import annotations

import json
import shlex
import sys
from enum import StrEnum
from typing import Annotated

import polars as pl
import typer
from rich.table import Table

from imgassets.cli.common import CommandError, console, errors, open_warehouse, settings
from imgassets.warehouse.lake import QueryError, Warehouse


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def sql(
    query: Annotated[
        str | None, typer.Argument(help="One query; without it a shell opens.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print rows.")] = Format.table,
    attach: Annotated[
        bool, typer.Option(help="Only print the ATTACH line for DuckDB's own clients.")
    ] = False,
) -> None:
    """Query the warehouse read-only, beside running writers; without a query, open a shell.

    `imgassets sql "from image_decisions limit 10"` · `imgassets sql "show tables"`
    """
    warehouse = open_warehouse(settings())
    if attach:
        typer.echo(f"{warehouse.attach_statement()}; USE lake;")
    elif query is not None:
        print_rows(warehouse.sql(query), format)
    elif not sys.stdin.isatty():
        if piped := sys.stdin.read().strip():
            print_rows(warehouse.sql(piped), format)
    else:
        _shell(warehouse, format)


def env() -> None:
    """Print the environment that lets `dagster` see the same state: eval "$(imgassets env)"."""
    from imgassets.defs.runner import prepare_environment

    for name, value in prepare_environment(settings()).items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def _shell(warehouse: Warehouse, format: Format) -> None:
    errors.print(f"{warehouse.attach_statement()};\nEnd a statement with ; and leave with Ctrl-D.")
    pending = ""
    while True:
        try:
            pending += input("lake> " if not pending else "  ...> ") + "\n"
        except EOFError:
            return
        if not pending.strip():
            pending = ""
        elif pending.rstrip().endswith(";"):
            try:
                print_rows(warehouse.sql(pending), format)
            except QueryError as error:
                errors.print(str(error), style="red", markup=False)
            pending = ""


def print_rows(frame: pl.DataFrame, format: Format) -> None:
    """Print rows to stdout.

    Raises:
        CommandError: a table of no columns was asked for.
    """
    if format is Format.json:
        for row in frame.iter_rows(named=True):
            typer.echo(json.dumps(row, default=str, ensure_ascii=False))
        return
    if format is Format.csv:
        nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
        flat = frame.with_columns(
            pl.Series(
                name,
                [None if v is None else json.dumps(v, default=str) for v in frame[name].to_list()],
                pl.String,
            )
            for name in nested
        )
        sys.stdout.write(flat.write_csv())
        return
    if not frame.width:
        raise CommandError("the query returned no columns")
    table = Table(*frame.columns, show_lines=False)
    for values in frame.iter_rows():
        table.add_row(*("" if value is None else str(value) for value in values))
    console.print(table)
    console.print(f"{frame.height} rows")
