"""Tasks and answers as files, between the warehouse and spreadsheets or Label Studio.

A file ending in ``.json`` is Label Studio's, any other is CSV.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from imgassets.moderation.answers import YES_NO, agreement, answer_log, standing_answers
from imgassets.moderation.exchange import accept, some
from imgassets.moderation.exchange_csv import read_answers_csv, tasks_csv
from imgassets.moderation.flags import IMAGE_TYPE, NO_FLAGS, SAME_PICTURE
from imgassets.moderation.label_studio import (
    label_studio_config,
    read_label_studio,
    tasks_json,
)
from imgassets.moderation.pair_tasks import DIFFERENT, SAME
from imgassets.moderation.tasks import task_states
from imgassets.operations.reviews import open_tasks
from imgassets.warehouse.contracts import ReviewAnswers, ReviewTasks
from imgassets.warehouse.lake import Addition, CommitMessage, Warehouse
from imgassets.warehouse.partitions import quote


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        tasks: how many.
        config: Label Studio's labeling configuration, if one was written.
        unreachable: tasks with a picture that is a file of this machine or not known: no browser
            can show it.
        left_out: tasks about pairs that a Label Studio project of single pictures cannot hold.
    """

    tasks: int
    config: Path | None
    unreachable: int
    left_out: int = 0


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        added: answers that are new.
        seen: answers that an earlier import, or this file above, brought already.
        overtaken: those of them that stand no longer: changed or undone since.
        unanswered: questions that the file leaves open.
        skipped: faults whose answers were left out, one sentence each.
    """

    added: int
    seen: int
    overtaken: int
    unanswered: int
    skipped: list[str]


def export_tasks(
    warehouse: Warehouse,
    path: Path,
    *,
    flag: str | None = None,
    limit: int | None = None,
    reviewer: str = "",
    image_url_prefix: str = "",
    config: Path | None = None,
) -> Exported:
    """Write undecided tasks to a file for people to answer.

    A project of Label Studio shows either one picture or two: tasks about pairs are written to a
    ``.json`` where there are no others (``flag`` chooses them), and else left out and counted.

    Args:
        warehouse: where they are.
        path: CSV, or Label Studio's import format if it ends in ``.json``.
        flag: only this flag's; None: all.
        limit: tasks at most, the most wanted first; None: all.
        reviewer: who will answer: tasks are left out that this reviewer answered. '': nobody yet.
        image_url_prefix: where the pictures are: the URL at which the image store is served, or a
            URL with ``{image_id}`` in it; '': where the supplier has them.
        config: where Label Studio's labeling configuration goes; None: beside the tasks, as
            ``<name>.xml``.

    Raises:
        ValueError: there is nothing to ask.
        OSError: a file cannot be written.
    """
    label_studio = path.suffix.lower() == ".json"
    tasks = open_tasks(warehouse, reviewer, flag, limit=None)
    of_one = tasks.filter(pl.col("other_image_id").is_null())
    n_pairs = tasks.height - of_one.height
    left_out = n_pairs if label_studio and not of_one.is_empty() else 0
    if left_out:
        tasks = of_one
    tasks = tasks if limit is None else tasks.head(limit)
    if tasks.is_empty():
        of_flag = f" about {flag}" if flag else ""
        raise ValueError(f"there is no open task{of_flag}: nothing was written")
    tasks = _with_image_urls(warehouse, tasks, image_url_prefix)
    reached = pl.col("image_url", "other_image_url").str.contains("^(https?|s3|gs|azure-blob)://")
    unreachable = tasks.filter(~pl.all_horizontal(reached.fill_null(True)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tasks_json(tasks) if label_studio else tasks_csv(tasks), encoding="utf-8")
    if label_studio:
        config = config or path.with_suffix(".xml")
        config.write_text(label_studio_config(tasks), encoding="utf-8")
    return Exported(tasks.height, config if label_studio else None, unreachable.height, left_out)


def import_answers(
    warehouse: Warehouse,
    path: Path,
    now: datetime,
    *,
    reviewer: str = "",
    skip_unknown: bool = False,
) -> Imported:
    """Add a file's answers to the log, all in one transaction; those it holds are left out.

    Args:
        warehouse: where the log is.
        path: CSV, or what Label Studio exports if it ends in ``.json``.
        now: the time of answers that name none.
        reviewer: who answered where the file does not say.
        skip_unknown: leave out faulty answers instead of refusing the file.

    Raises:
        ValueError: the file cannot be read as what it is, or an answer is faulty: its task is
            unknown, it is none of the task's choices, nobody gave it, its time is no
            time, or it contradicts another of the same reviewer. Nothing is written.
    """
    warehouse.initialise()
    read = read_label_studio if path.suffix.lower() == ".json" else read_answers_csv
    asked = warehouse.read(ReviewTasks, columns=["task_id", "image_id", "flag", "choices"])
    tasks = {task["task_id"]: task for task in asked.iter_rows(named=True)}
    choices = {task_id: task["choices"] or YES_NO for task_id, task in tasks.items()}
    found = read(path, reviewer.strip(), choices)
    rows, faults = accept(found, tasks, now)
    if faults and not skip_unknown:
        raise ValueError(
            f"{path}: nothing was imported; {some(faults)} "
            "(--skip-unknown imports the rest of the file)"
        )
    given = answer_log(rows)
    before = warehouse.read(ReviewAnswers)
    new = given.join(before, on="answer_id", how="anti")
    if not new.is_empty():
        warehouse.replace([Addition(ReviewAnswers, new)], CommitMessage(asset="review_answers"))
    seen = given.join(before, on="answer_id", how="semi")
    standing = standing_answers(before)
    overtaken = seen.join(standing, on=["task_id", "reviewer", "answer"], how="anti")
    return Imported(new.height, seen.height, overtaken.height, found.unanswered, faults)


def review_status(warehouse: Warehouse) -> pl.DataFrame:
    """Return where the review of flags stands, per flag.

    Returns:
        flag, tasks, open (nobody answered), yes, no (decided), unsure, contradictory, reviewers,
        compared (answers of two reviewers to one task), equal (share of them alike), kappa (mean of
        the pairs' Cohen's kappa, weighted by their tasks); the last two null where no two reviewers
        share a task, or kappa is defined for no pair. Sorted by flag.
    """
    others = ", ".join(quote(name) for name in NO_FLAGS)
    return _status(warehouse, f"flag NOT IN ({others})", "flag", ("yes", "no"))


def type_status(warehouse: Warehouse) -> pl.DataFrame:
    """Return where the review of images' types stands, per category.

    Returns:
        As :func:`review_status`, but category instead of flag, and decided (tasks with a type)
        instead of yes and no. Sorted by category.
    """
    return _status(warehouse, f"flag = {quote(IMAGE_TYPE)}", "category", ("decided",))


def pair_status(warehouse: Warehouse) -> pl.DataFrame:
    """Return where the review of pairs stands, per category.

    Returns:
        As :func:`review_status`, but category instead of flag, and same and different instead of
        yes and no. Sorted by category.
    """
    return _status(warehouse, f"flag = {quote(SAME_PICTURE)}", "category", (SAME, DIFFERENT))


def _status(warehouse: Warehouse, where: str, by: str, decided: Collection[str]) -> pl.DataFrame:
    """Count the tasks ``where`` by flag or category and state, and say how far people agree."""
    warehouse.initialise()
    tasks = warehouse.read(ReviewTasks, where=where)
    # Agreement is counted per flag: what is counted by stands in for it.
    answers = warehouse.read(ReviewAnswers, where=where).drop("flag").join(
        tasks.select("task_id", flag=by), on="task_id"
    )  # fmt: skip
    state, is_decided = pl.col("state"), pl.col("decided")
    is_open = pl.col("n_reviewers") == 0
    counts = task_states(tasks.with_columns(flag=by), answers).group_by("flag").agg(
        pl.len().alias("tasks"),
        is_open.sum().alias("open"),
        *((is_decided if name == "decided" else state == name).sum().alias(name)
          for name in decided),
        *((~is_open & ~is_decided & (state == name)).sum().alias(name)
          for name in ("unsure", "contradictory")),
    )  # fmt: skip
    reviewers = (
        standing_answers(answers)
        .group_by("flag")
        .agg(pl.col("reviewer").n_unique().alias("reviewers"))
    )
    has_kappa = pl.col("kappa").is_not_null()
    n_with_kappa = pl.col("n").filter(has_kappa)
    agreed = (
        agreement(answers)
        .group_by("flag")
        .agg(
            compared=pl.col("n").sum(),
            equal=(pl.col("equal") * pl.col("n")).sum() / pl.col("n").sum(),
            kappa=pl.when(has_kappa.any()).then(
                (pl.col("kappa").filter(has_kappa) * n_with_kappa).sum() / n_with_kappa.sum()
            ),
        )
    )
    return (
        counts.join(reviewers, on="flag", how="left")
        .join(agreed, on="flag", how="left")
        .with_columns(pl.col("reviewers", "compared").fill_null(0))
        .rename({"flag": by})
        .sort(by)
    )


def _with_image_urls(warehouse: Warehouse, tasks: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """Add image_url and other_image_url: where a reviewer's browser finds the pictures.

    '' where that is not known; other_image_url is null where a task has no other image.
    """
    images = pl.concat(
        [tasks["image_id"], tasks["other_image_id"].drop_nulls().alias("image_id")]
    ).unique()
    located = _located(warehouse, images.to_frame(), prefix)
    of_other = located.rename({"image_id": "other_image_id", "url": "other_image_url"})
    return tasks.join(
        located.rename({"url": "image_url"}), on="image_id", how="left", maintain_order="left"
    ).join(of_other, on="other_image_id", how="left", maintain_order="left")


def _located(warehouse: Warehouse, images: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """Return image_id and url of images: by a prefix, else where the suppliers have them."""
    image = pl.col("image_id")
    if "{image_id}" in prefix:
        before, after = prefix.split("{image_id}", 1)
        return images.with_columns(url=pl.concat_str(pl.lit(before), image, pl.lit(after)))
    if prefix:
        # As the image store lays its files out: ab/cd/<sha256>.
        parts = (pl.lit(prefix.rstrip("/")), image.str.slice(0, 2), image.str.slice(2, 2), image)
        return images.with_columns(url=pl.concat_str(*parts, separator="/"))
    return warehouse.sql(
        """
        SELECT image_id, coalesce(min(image_location), '') AS url
        FROM wanted LEFT JOIN fetched_images USING (image_id) GROUP BY image_id
        """,
        wanted=images,
    )
