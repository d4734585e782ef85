"""What all commands share: the console, settings, and errors as one line."""

from __future__ import annotations

import os
import sys
import tomllib
from typing import TextIO

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console

from imgassets.object_store import store_failed
from imgassets.settings import Settings, config_file, unknown_names
from imgassets.warehouse.lake import Warehouse

_SECRETS = {"api_keys", "mlflow_tracking_uri", "smtp_password", "warehouse", "webhook"}
"""Settings whose values are not shown, right or wrong."""

_PIPED_WIDTH = 200
"""Characters of a line that no terminal limits: piped output is not cut to 80."""


def _console(stream: TextIO) -> Console:
    piped = not stream.isatty() and "COLUMNS" not in os.environ
    return Console(file=stream, highlight=False, width=_PIPED_WIDTH if piped else None)


console = _console(sys.stdout)
errors = _console(sys.stderr)


class CommandError(RuntimeError):
    """A command cannot do what it was asked; the message says why and what to do."""


def settings() -> Settings:
    """Return the settings of this invocation.

    Raises:
        CommandError: a setting has a wrong value or an unknown name, or the file is no TOML.
    """
    if unknown := unknown_names():
        raise CommandError(f"unknown setting {', '.join(unknown)}: see the README's settings")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        # A faulty key is still a key: it must not reach a terminal or a log.
        got = "" if _SECRETS & set(first["loc"]) else f" (got {first['input']!r})"
        raise CommandError(f"setting {name}: {first['msg']}{got}") from error
    except SettingsError as error:
        raise CommandError(f"settings cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"{config_file()} is no TOML file: {error}") from error


def open_warehouse(of: Settings) -> Warehouse:
    """Return the warehouse that the settings name."""
    return Warehouse(of.warehouse, of.warehouse_data)


def run_app(app: typer.Typer) -> None:
    """Run the app; turn expected errors into one line on stderr and exit code 1."""
    try:
        app()
    except Exception as error:
        expected = isinstance(error, (ValueError, RuntimeError)) or store_failed(error)
        if not expected or os.environ.get("IMGASSETS_TRACEBACK"):
            raise
        errors.print(f"[bold red]error:[/] {_one_line(error)}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("interrupted: finished work is kept; run the same command to go on")
        sys.exit(130)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.replace("[", r"\[")
