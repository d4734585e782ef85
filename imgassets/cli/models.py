"""Commands about registered models: what there is, what is known of it, which one answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markdown import Markdown
from rich.table import Table

from imgassets.cli.common import CommandError, console, errors, open_warehouse, settings

if TYPE_CHECKING:
    from pathlib import Path

    from imgassets.learning.registry import ModelRegistry

Name = Annotated[str, typer.Argument(help="Registered model, e.g. image_type or a flag's id.")]


def list_models() -> None:
    """List all registered versions; the champion of each model is the one that answers."""
    from imgassets.defs.resources import open_registry

    table = Table("model", "version", "champion", "metric", "value", "n_train", "trained")
    for model in open_registry(settings()).overview():
        for made in model.versions:
            value = made.tags.get("value", "")
            table.add_row(
                model.name,
                str(made.version),
                "champion" if made.version == model.champion else "",
                made.tags.get("metric", ""),
                f"{float(value):.4f}" if value else "",
                made.tags.get("n_train", ""),
                f"{made.created:%Y-%m-%d %H:%M}" if made.created else "",
            )
    if not table.row_count:
        console.print("no models yet: run `imgassets train`")
        return
    console.print(table)


def show_card(
    name: Name,
    version: Annotated[int | None, typer.Option(help="Default: the champion.")] = None,
    raw: Annotated[bool, typer.Option(help="Markdown as it is, also in a terminal.")] = False,
) -> None:
    """Print a version's model card: its data, metrics, thresholds and known failures.

    Piped output is the Markdown itself.
    """
    from imgassets.defs.resources import open_registry
    from imgassets.learning.registry import CARD

    folder, shown = _files(open_registry(settings()), name, version)
    if not (folder / CARD).exists():
        raise CommandError(f"model {name} version {shown} was registered without a card")
    text = (folder / CARD).read_text(encoding="utf-8")
    if raw or not sys.stdout.isatty():
        typer.echo(text, nl=False)
    else:
        console.print(Markdown(text))


def promote(
    name: Name,
    version: Annotated[int, typer.Argument(help="The version that shall answer from now on.")],
) -> None:
    """Let another version of a model answer, e.g. the one before a bad one.

    Partitions that the former champion decided become stale; `imgassets backfill` redoes them.
    """
    from imgassets.defs.resources import open_registry
    from imgassets.operations.models import follow_registry

    of = settings()
    warehouse, registry = open_warehouse(of), open_registry(of)
    warehouse.snapshot_id()  # raises where there is no warehouse, before anything is changed
    registry.download(name, version)  # raises where the version's files are corrupted
    registry.promote(name, version)
    follow_registry(warehouse, registry)
    console.print(f"{name}: version {version} is champion; next: `imgassets backfill`")


def _files(registry: ModelRegistry, name: str, version: int | None) -> tuple[Path, int]:
    """Return the folder and the number of a version, by default the champion's."""
    if version is not None:
        return registry.download(name, version), version
    served = registry.load_champion(name)
    if served is None:
        known = ", ".join(registry.models()) or "none yet"
        raise CommandError(
            f"model {name} has no champion (registered: {known}); name a version with --version"
        )
    if served.stale:
        errors.print(served.stale, style="yellow", markup=False, soft_wrap=True)
    return served.folder, served.version.version
