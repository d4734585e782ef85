"""Commands of the review: tasks out, answers in, and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.markup import escape
from rich.table import Table

from imgassets.cli.common import CommandError, console, errors, open_warehouse, settings

Categories = Annotated[
    list[str] | None, typer.Option(help="Only this category; may be repeated. Default: all.")
]

_SKIPPED_SHOWN = 20
"""Skipped answers that are listed one by one."""


def types(
    category: Categories = None,
) -> None:
    """Ask people for the types of images that the model is least sure of.

    Per category at most review.tasks_per_round questions are open at a time. Answer them with
    `imgassets review serve`, or with `review export` and `review import`; the answers count as
    labels do.
    """
    from imgassets.operations.type_questions import ask_types, typed_categories

    of = settings()
    warehouse = open_warehouse(of)

    def ask(name: str) -> int:
        try:
            return ask_types(warehouse, name, of)
        except ValueError as error:
            if category:
                raise
            errors.print(f"[yellow]not asked:[/] {escape(str(error))}", soft_wrap=True)
            return 0

    _ask(ask, category, typed_categories(warehouse), "typed images")


def pairs(
    category: Categories = None,
) -> None:
    """Ask people about pairs of images of which the comparator is unsure that they are the same.

    Per category at most review.tasks_per_round questions are open at a time. Answer them with
    `imgassets review serve`, or with `review export` and `review import`; the answers overrule
    the comparator.
    """
    from imgassets.operations.pair_questions import ask_pairs, compared_categories

    of = settings()
    warehouse = open_warehouse(of)
    ask = partial(ask_pairs, warehouse, settings=of)
    _ask(ask, category, compared_categories(warehouse), "compared images")


def _ask(ask: Callable[[str], int], wanted: list[str] | None, known: list[str], what: str) -> None:
    """Ask about each category that is wanted, by default all, and say how many questions are new.

    Raises:
        CommandError: a wanted category is not among the known ones.
    """
    if unknown := sorted(set(wanted or []) - set(known)):
        listed = ", ".join(known) or "none: run `imgassets backfill` first"
        raise CommandError(f"no {what} of category {', '.join(unknown)} (there are: {listed})")
    total = 0
    for name in dict.fromkeys(wanted or known):
        asked = ask(name)
        if asked:
            console.print(f"{name}: {asked} new questions", soft_wrap=True)
        total += asked
    console.print(f"{total} new questions: `imgassets review serve`", soft_wrap=True)


def export(
    file: Annotated[
        Path, typer.Argument(help="CSV; a name ending in .json: Label Studio's import format.")
    ],
    flag: Annotated[
        str | None,
        typer.Option(
            help="Only tasks about this flag; image_type: about types; same_picture: about pairs."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Tasks at most; default: all.")] = None,
    reviewer: Annotated[
        str, typer.Option(help="Leave out tasks that this reviewer answered.")
    ] = "",
    image_url_prefix: Annotated[
        str,
        typer.Option(
            help="Where reviewers reach the pictures: the URL at which the image store is served, "
            "or a URL with {image_id} in it. Default: where the supplier has them."
        ),
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option(help="File for Label Studio's labeling interface; default: FILE.xml."),
    ] = None,
) -> None:
    """Write undecided tasks to a file, the most wanted first.

    In a CSV, fill the column `answer` with one of the `choices` (or y, n, u) and give it to `review
    import`. For Label Studio, paste the XML into a new project's labeling interface (code view)
    and import the JSON; export as JSON or JSON-MIN and give that to `review import`.
    """
    from imgassets.moderation.flags import NO_FLAGS, all_flags, require_known
    from imgassets.operations.review_files import export_tasks

    of = settings()
    if flag is not None and flag not in NO_FLAGS:
        require_known([flag], all_flags(of.flags))
    done = export_tasks(
        open_warehouse(of),
        file,
        flag=flag,
        limit=limit,
        reviewer=reviewer,
        image_url_prefix=image_url_prefix,
        config=config,
    )
    console.print(f"{done.tasks} tasks written to {escape(str(file))}", soft_wrap=True)
    if done.config:
        console.print(f"labeling interface: {escape(str(done.config))}", soft_wrap=True)
    if done.left_out:
        errors.print(
            f"[yellow]{done.left_out} tasks about pairs left out:[/] a Label Studio project shows "
            "one picture or two; --flag same_picture writes them to a file of their own",
            soft_wrap=True,
        )
    if done.unreachable:
        errors.print(
            f"[yellow]{done.unreachable} pictures have no URL that a browser can open:[/] "
            "serve the image store and name its URL with --image-url-prefix",
            soft_wrap=True,
        )


def import_(
    file: Annotated[
        Path,
        typer.Argument(help="CSV with task_id, answer; or .json: Label Studio's JSON or JSON-MIN."),
    ],
    reviewer: Annotated[str, typer.Option(help="Who answered, where the file does not say.")] = "",
    skip_unknown: Annotated[
        bool, typer.Option(help="Leave out faulty answers instead of refusing the file.")
    ] = False,
) -> None:
    """Add a file's answers to the log; a file imported twice adds nothing.

    A CSV may have the columns reviewer and answered_at (ISO 8601; without a zone: UTC; default:
    now). A faulty answer refuses the whole file: an unknown task, a word that is none of the
    task's choices nor unsure (y, n and u will do), a reviewer who contradicts themselves.
    """
    from imgassets.operations.review_files import import_answers

    done = import_answers(
        open_warehouse(settings()),
        file,
        datetime.now(UTC),
        reviewer=reviewer,
        skip_unknown=skip_unknown,
    )
    console.print(
        f"{done.added} answers imported, {done.seen} seen before, "
        f"{done.unanswered} questions unanswered, {len(done.skipped)} skipped",
        soft_wrap=True,
    )
    if done.overtaken:
        errors.print(
            f"[yellow]{done.overtaken} of those seen before stand no longer[/] (changed or undone "
            "since): to say them anew, fill answered_at",
            soft_wrap=True,
        )
    for fault in done.skipped[:_SKIPPED_SHOWN]:
        errors.print(f"[yellow]skipped:[/] {escape(fault)}", soft_wrap=True)
    if len(done.skipped) > _SKIPPED_SHOWN:
        errors.print(f"… and {len(done.skipped) - _SKIPPED_SHOWN} more")


def status() -> None:
    """Show per flag what is open, what was answered, and how far reviewers agree.

    Types and pairs are shown likewise, per category.

    Agreement is the share of tasks that two reviewers answered alike; kappa (Cohen) is how much
    better than chance that is: 1 always, 0 not at all.
    """
    from imgassets.operations.review_files import pair_status, review_status, type_status
    from imgassets.operations.reviews import contradictions, type_contradictions

    warehouse = open_warehouse(settings())
    flags, of_types = review_status(warehouse), type_status(warehouse)
    of_pairs = pair_status(warehouse)
    if flags.is_empty() and of_types.is_empty() and of_pairs.is_empty():
        console.print("no tasks yet")
        return
    if not of_types.is_empty():
        console.print(_status_table(of_types, "category", "types of", ["decided"]))
    if not of_pairs.is_empty():
        console.print(_status_table(of_pairs, "category", "pairs of", ["same", "different"]))
    if not flags.is_empty():
        console.print(_status_table(flags, "flag", "flag", ["yes", "no"]))
    in_labels = contradictions(warehouse).filter(origin="label")
    for row in in_labels.head(_SKIPPED_SHOWN).iter_rows(named=True):
        errors.print(
            f"[yellow]labels contradict each other, so none is used:[/] {row['flag']} of image "
            f"{row['image_id'][:12]}: {escape(row['detail'])}",
            soft_wrap=True,
        )
    notes = {
        "label": "labels contradict each other, so none is used:",
        "label and answer": "an answer overrules a label:",
    }
    told = type_contradictions(warehouse).filter(pl.col("origin").is_in(list(notes)))
    for row in told.head(_SKIPPED_SHOWN).iter_rows(named=True):
        errors.print(
            f"[yellow]{notes[row['origin']]}[/] type of image {row['image_id'][:12]} of "
            f"{escape(row['product_id'])}: {escape(row['detail'])}",
            soft_wrap=True,
        )


def _status_table(found: pl.DataFrame, by: str, title: str, decided: list[str]) -> Table:
    counts = [*decided, "unsure", "contradictory", "reviewers"]
    table = Table(title, "open", "answered", *counts, "agreement", "kappa")
    for row in found.iter_rows(named=True):
        table.add_row(
            row[by],
            str(row["open"]),
            str(row["tasks"] - row["open"]),
            *(str(row[name]) for name in counts),
            "–" if row["equal"] is None else f"{row['equal']:.0%} of {row['compared']}",
            "–" if row["kappa"] is None else f"{row['kappa']:.2f}",
        )
    return table
