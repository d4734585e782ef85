"""The loop from 15 positives: F1 against the number of human answers, beside random sampling.

    python benchmarks/loop.py PHOTOS --flag skirt [--backbone FOLDER] [--rounds 6] [--home FOLDER]

PHOTOS holds one folder of pictures per class. One class plays the rare flag; 30 % of the pictures,
by a hash of their names, are the fixed holdout. Both arms start with the same 15 positives and no
negative. In one, each round's model chooses the questions; in the other they are drawn at random,
as many of them. The truth answers. Training, limits and holdout are the same.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from imgassets.defs.resources import open_registry
from imgassets.ingest.store import ImageStore
from imgassets.moderation.tasks import task_id
from imgassets.operations.flag_examples import catalog_images
from imgassets.operations.reviews import add_tasks
from imgassets.operations.rounds import run_round
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import (
    FetchedImages,
    ReviewAnswers,
    ReviewRounds,
    ReviewTasks,
)
from imgassets.warehouse.lake import Addition, CommitMessage, Replacement, Warehouse

SEEDS = 15
HOLDOUT = 0.3
DAY = "2026-01-05"
CATEGORY = "photos"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--flag", default="skirt", help="the class that plays the flag")
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--tasks", type=int, default=40, help="questions of a round")
    parser.add_argument("--home", type=Path, help="kept afterwards; default: a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(arguments, arguments.home or Path(scratch, "home"), Path(scratch))


def run(arguments: argparse.Namespace, home: Path, scratch: Path) -> None:
    pictures = sorted(p for p in arguments.photos.glob("*/*.jpg"))
    truth = pl.DataFrame(
        {
            "product_id": [p.stem for p in pictures],
            "image_url": [str(p.relative_to(arguments.photos)) for p in pictures],
            "value": [p.parent.name == arguments.flag for p in pictures],
            "place": [place(p.stem) for p in pictures],
        }
    )
    flags = scratch / "flags.toml"
    flags.write_text(
        f'[{arguments.flag}]\ngroup = "compliance"\ntitle = "{arguments.flag}"\n'
        f'question = "Does the picture show a {arguments.flag}?"\n'
    )
    os.environ |= {
        "IMGASSETS_BACKBONE": arguments.backbone,
        "IMGASSETS_FLAGS": str(flags),
        "IMGASSETS_LEARNING__RETRAIN_BLOCK": "false",
        "IMGASSETS_REVIEW__TASKS_PER_ROUND": str(arguments.tasks),
    }
    prepare(arguments, truth, home, scratch)
    curves = {
        "loop": answer_rounds(arguments, truth, home, by_model=True),
        "random": answer_rounds(arguments, truth, home, by_model=False),
    }
    show(arguments.flag, curves)


def place(name: str) -> float:
    """Return a picture's place in 0 … 1, by a hash of its name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64


def prepare(arguments: argparse.Namespace, truth: pl.DataFrame, home: Path, scratch: Path) -> None:
    """Fill a warehouse with all pictures, and import the seeds and the holdout."""
    feed = scratch / "feeds" / DAY / "people.csv"
    feed.parent.mkdir(parents=True)
    truth.select("product_id", "image_url", category=pl.lit(CATEGORY)).write_csv(feed)
    is_held = pl.col("place") < HOLDOUT
    seeds = truth.filter(~is_held & pl.col("value")).sort("place").head(SEEDS)
    labels = pl.concat(
        [
            truth.filter(is_held).with_columns(split=pl.lit("holdout")),
            seeds.with_columns(split=pl.lit("train")),
        ]
    ).with_columns(flag=pl.lit(arguments.flag))
    labels.drop("place").write_csv(scratch / "labels.csv")
    environment = {**os.environ, "IMGASSETS_HOME": str(home)}
    for command in (
        ["ingest", str(feed.parent.parent), "--image-base", str(arguments.photos)],
        ["backfill"],
        ["labels", "import", str(scratch / "labels.csv")],
    ):
        subprocess.run([sys.executable, "-m", "imgassets", *command], env=environment, check=True)


def answer_rounds(
    arguments: argparse.Namespace, truth: pl.DataFrame, home: Path, *, by_model: bool
) -> list[dict[str, object]]:
    """Run the rounds and answer their questions, or as many random ones."""
    settings = Settings(home=home)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    registry, store = open_registry(settings), ImageStore(settings.image_store)
    fetched = warehouse.read(FetchedImages).join(truth, on=["product_id", "image_url"])
    said = dict(fetched.select("image_id", "value").iter_rows())
    held = fetched.filter(pl.col("place") < HOLDOUT)["image_id"]
    images = catalog_images(warehouse, signals_version(settings.vision))
    pool = images.filter(~pl.col("image_id").is_in(held.to_list()))
    forget = (ReviewTasks, ReviewAnswers, ReviewRounds)  # what another arm left
    warehouse.replace(
        [Replacement(contract, contract.create_empty()) for contract in forget],
        CommitMessage(asset="review_rounds"),
    )
    rng, rows, asked = np.random.default_rng(0), [], set()
    for number in range(1, arguments.rounds + 1):
        rows.append(run_round(arguments.flag, number, warehouse, registry, store, settings).row)
        if by_model:
            tasks = warehouse.read(ReviewTasks, where=f"round = {number}")
        else:
            left = pool.filter(~pl.col("image_id").is_in(list(asked)))
            chosen = left[rng.permutation(left.height)[: arguments.tasks]]
            asked |= set(chosen["image_id"])
            tasks = random_tasks(arguments.flag, chosen, number)
            add_tasks(warehouse, tasks)
        record(warehouse, tasks, said)
    return rows


def random_tasks(flag: str, chosen: pl.DataFrame, number: int) -> pl.DataFrame:
    """Return questions about randomly drawn images."""
    ids = [task_id(flag, image_id) for image_id in chosen["image_id"]]
    return chosen.select(
        "image_id", "category", "product_id",
        task_id=pl.Series(ids), flag=pl.lit(flag), question=pl.lit(flag), round=pl.lit(number),
        choices=pl.lit(None, pl.List(pl.String)), guess=pl.lit(None, pl.String),
        other_image_id=pl.lit(None), image_box=pl.lit(None), other_box=pl.lit(None),
        reason=pl.lit("random"), why=pl.lit("drawn at random"), probability=pl.lit(None),
        model_version=pl.lit(""), priority=pl.lit(0.0), neighbours=pl.lit([], pl.List(pl.String)),
    ).select(ReviewTasks.column_names())  # fmt: skip


def record(warehouse: Warehouse, tasks: pl.DataFrame, said: dict[str, bool]) -> None:
    """Commit the truth's answers to questions."""
    rows = tasks.select(
        "task_id", "image_id", "flag",
        answer_id=pl.format("truth-{}", "task_id"),
        answer=pl.Series(["yes" if said[i] else "no" for i in tasks["image_id"]]),
        reviewer=pl.lit("truth"), answered_at=pl.lit(dt.datetime(2026, 1, 6, tzinfo=dt.UTC)),
        undoes=pl.lit(None, pl.String), source=pl.lit("benchmark"),
    )  # fmt: skip
    warehouse.replace([Addition(ReviewAnswers, rows)], CommitMessage(asset="review_answers"))


def show(flag: str, curves: dict[str, list[dict[str, object]]]) -> None:
    console = Console(width=120)
    first = curves["loop"][0]
    console.print(
        f"flag '{flag}': {first['n_scanned']} images scanned, holdout {first['n_holdout']}; both "
        f"arms start with {SEEDS} positives"
    )
    arms = list(curves)
    parts = ("answers", "found", "P", "R", "F1")
    table = Table("round", *(f"{arm}: {part}" for arm in arms for part in parts))
    for rows in zip(*curves.values(), strict=True):
        cells = []
        for row in rows:
            measured = [f"{row[part] or 0:.3f}" for part in ("precision", "recall", "f1")]
            cells += [str(row["n_answers"]), str(row["n_positive"]), *measured]
        table.add_row(str(rows[0]["round"]), *cells)
    console.print(table)


if __name__ == "__main__":
    main()
