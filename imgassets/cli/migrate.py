"""The command that takes the warehouse from one release's schema to another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from imgassets.cli.common import console, open_warehouse, settings

if TYPE_CHECKING:
    from imgassets.warehouse.migrating import Migrated

_SHOWN = 5
"""Partitions that a line names, at most."""


def migrate(
    to: Annotated[
        int | None, typer.Option(help="Number of the schema; default: this release's.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; change nothing.")
    ] = False,
) -> None:
    """Bring the warehouse's tables to this release's schema, or back to an older release's.

    All of it happens or nothing. No row is lost: rows that break a new rule stand, and their
    partitions are computed again by the next `imgassets backfill`. Before an older release goes on,
    take the warehouse back with the newer one: `imgassets migrate --to N`.
    """
    from imgassets.warehouse.migrating import migrate as take

    done = take(open_warehouse(settings()), to, dry_run=dry_run)
    if done.before == done.after:
        console.print(f"nothing to do: the warehouse has schema {done.after}")
        return
    _tell(done, "would go" if dry_run else "went")


def _tell(done: Migrated, went: str) -> None:
    """Print what changed, and what is to be computed again."""
    console.print(f"the warehouse {went} from schema {done.before} to {done.after}:")
    for step in done.steps:
        console.print(f"  {step}", markup=False, soft_wrap=True)
    for found in done.broken:
        cells = ", ".join(map(str, found.partitions[:_SHOWN]))
        more = len(found.partitions) - _SHOWN
        where = f" in {cells}{f' and {more} partitions more' if more > 0 else ''}" if cells else ""
        console.print(
            f"rows to compute again after '{found.step}': {found.rows}{where}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
        if not cells:
            console.print("  no backfill fills that table: import these rows again", soft_wrap=True)
    if done.stale:
        console.print(f"{len(done.stale)} partitions to compute: `imgassets backfill`")
