"""The whole main job on a catalog with known truth: how right, how fast, how much memory.

    python benchmarks/catalog.py CATALOG [--backbone NAME_OR_FOLDER] [--home FOLDER]

CATALOG holds feeds/, images/, truth/ and labels/ (image_types.csv, styles.csv with a split). Runs
the command line from an empty warehouse, then once more with nothing new, then compares with the
truth. Types are scored on products of styles whose split is 'test', which no label names.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from rich.console import Console

from imgassets.gallery import print_scoreboard, read_truth, score
from imgassets.ingest.store import ImageStore
from imgassets.operations.gallery import result_tables, write_gallery
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--home", type=Path, help="kept afterwards; default: a temporary folder")
    arguments = parser.parse_args()
    if arguments.home:
        run(arguments.catalog, arguments.backbone, arguments.home)
    else:
        with tempfile.TemporaryDirectory() as home:
            run(arguments.catalog, arguments.backbone, Path(home))


def run(catalog: Path, backbone: str, home: Path) -> None:
    environment = {
        **os.environ,
        "IMGASSETS_HOME": str(home),
        "IMGASSETS_BACKBONE": backbone,
    }
    feeds = ["ingest", str(catalog / "feeds"), "--image-base", str(catalog)]
    steps = {
        "ingest": feeds,
        "categories": ["categories", "import", str(catalog / "truth" / "type_priority.csv")],
        "labels": ["labels", "import", str(catalog / "labels" / "image_types.csv")],
        "train": ["train"],
        "backfill": ["backfill"],
    }
    seconds = {name: timed(command, environment) for name, command in steps.items()}
    first = seconds["ingest"] + seconds["train"] + seconds["backfill"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
    again = timed(["ingest", *feeds[1:]], environment), timed(["backfill"], environment)

    settings = Settings(home=home, backbone=backbone)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    tables = result_tables(warehouse)
    images, products = read_truth(catalog / "truth")
    styles = pl.read_csv(catalog / "labels" / "styles.csv", infer_schema=False)
    test = products.join(styles.filter(pl.col("split") == "test"), on="style", how="semi")
    chosen = set(test["product_id"])
    rows = score(images, products, tables, test_products=chosen)
    console = Console(width=120)
    print_scoreboard(rows, console)
    unseen = score(
        images.filter(pl.col("product_id").is_in(list(chosen))),
        test,
        tables,
        test_products=chosen,
    )
    console.print("\nThe same on products of test styles alone:")
    print_scoreboard(unseen, console)
    distinct = tables.fetched["image_id"].n_unique()
    console.print(
        f"\nsteps: {', '.join(f'{name} {s:.1f} s' for name, s in seconds.items())}\n"
        f"{images.height} references, {distinct} distinct images, {first:.0f} s in all: "
        f"{images.height / first:.1f} references/s; signals alone: see train\n"
        f"peak memory of a process: {peak:.0f} MiB\n"
        f"nothing new: ingest {again[0]:.1f} s, backfill {again[1]:.1f} s = "
        f"{again[1] / first:.1%} of the first run (ingest, train, backfill)"
    )
    page = write_gallery(
        warehouse,
        ImageStore(settings.image_store),
        home / "galleries" / "benchmark.html",
        scoreboard=rows,
    )
    console.print(f"gallery: {page}", soft_wrap=True)


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Run one imgassets command in a process of its own; return its wall seconds."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "imgassets", *command], env=environment, check=True)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
