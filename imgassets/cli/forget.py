"""The command that forgets reviews on request: the right to erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from imgassets.cli.common import CommandError, console, errors, open_warehouse, settings

if TYPE_CHECKING:
    from imgassets.operations.forgetting import Forgotten


def forget(
    review: Annotated[
        list[str], typer.Option(help="The review's id as files name it; may be repeated.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go; change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget reviews for good: rows, photos, and what the warehouse's past keeps of both.

    Photos whose bytes something else refers to stay. The snapshots that could show the rows are
    expired, with all that they say of other tables. Kept is a hash of each id, by which files that
    name the review again are refused that row; a review of which nothing is stored is remembered
    likewise. Run it while no job about review photos is at work; killed half-way, run it again.
    """
    from imgassets.ingest.store import ImageStore
    from imgassets.operations.forgetting import forget_reviews, plan_forgetting

    of = settings()
    warehouse = open_warehouse(of)
    with console.status("finding what there is"):
        plan = plan_forgetting(warehouse, review)
    _tell(plan, "would go" if dry_run else "to go")
    if dry_run:
        return
    if not yes and not typer.confirm("This cannot be undone. Go on?"):
        raise CommandError("nothing was changed")
    with console.status("forgetting") as status:
        done = forget_reviews(
            warehouse, ImageStore(of.image_store), of, review, lambda step: status.update(step)
        )
    # Of what is gone, only numbers are said: output is often kept.
    console.print(f"forgotten: {len(set(review))} reviews; their ids are kept as hashes alone")
    if done.partitions:
        console.print("ranks to compute again: `imgassets reviews rank`")
    if done.files_left:
        errors.print(
            f"{done.files_left} files of interrupted writes may still be in use: run the same "
            "command again in an hour",
            style="yellow", soft_wrap=True,
        )  # fmt: skip
    console.print(
        "not reached from here: the files that name them, the shop that sends these, and backups",
        soft_wrap=True,
    )


def _tell(found: Forgotten, going: str) -> None:
    """Print what goes."""
    for name in found.unknown:
        errors.print(
            f"nothing is stored of review '{name}'; files that name it will be refused the row",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip
    rows = ", ".join(f"{count} of {table}" for table, count in found.rows.items()) or "none"
    stay = f"; {found.shared} stay, for others refer to them" if found.shared else ""
    console.print(f"rows {going}: {rows}", soft_wrap=True)
    console.print(f"photos {going}: {found.images}{stay}", soft_wrap=True)
    past = found.history
    if past.first is not None:
        console.print(
            f"history {going}: {past.snapshots} snapshots of the whole warehouse, from "
            f"{past.first:%Y-%m-%d %H:%M:%S} to {past.last:%Y-%m-%d %H:%M:%S} UTC ({past.kept} "
            "stay): what image sets were then can no longer be shown",
            soft_wrap=True,
        )
    else:
        console.print(f"history {going}: none")
