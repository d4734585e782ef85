"""Measure the clustering of 10^4 … 10^7 synthetic images by their stored signals alone.

Usage: python benchmarks/clusters.py [--sizes 1e4 1e5 1e6 1e7]

Typed images are written by SQL into a DuckLake warehouse in a temporary folder (about 2.5 GB for
10^7 rows): products of eight images in two types, one of each four a copy of its neighbour with a
few flipped bits; a category has at most 100,000 images. For each size, in a process of its own:

* the time and peak memory (resident, whole process) of reading and clustering all of them, without
  pixels, the rows going to Parquet files as they come;
* the share of copies that were taken out, and of other images that were kept;
* what one image costs that is added to a product on a later day, when a product's images are
  clustered again: milliseconds, and pairs compared.

Near-linear means: images/s stay the same.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

from imgassets.ingest.store import ImageStore
from imgassets.operations.duplicates import deduplicate
from imgassets.selection.judging import PairJudge
from imgassets.settings import DedupSettings, Settings
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition
from imgassets.warehouse.workspace import Workspace, open_workspace

DAY, LATER = date(2026, 1, 5), date(2026, 1, 6)
IN_CATEGORY = 100_000
AT_ONCE = 1_000_000
MEMORY = "2GB"
HASHES = ("object_phash", "edge_dhash", "phash", "dhash")


def main() -> None:
    """Print the table, or do one step of it as a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e4, 1e5, 1e6, 1e7])
    parser.add_argument("--step", choices=["write", "cluster"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        size, folder = int(arguments.sizes[0]), arguments.folder
        warehouse = Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data/")
        found = {"write": write, "cluster": cluster}[arguments.step](warehouse, size, folder)
        print(json.dumps(found))
        return
    print(
        f"{'images':>10} {'written s':>9} {'clustered s':>11} {'images/s':>9} {'peak MB':>8} "
        f"{'copies out':>10} {'others kept':>11} {'one more, ms':>12} {'its pairs':>9}"
    )
    for size in map(int, arguments.sizes):
        with tempfile.TemporaryDirectory() as folder:
            written, found = (step(name, folder, size) for name in ("write", "cluster"))
        print(
            f"{size:>10} {written['seconds']:>9.1f} {found['seconds']:>11.1f} "
            f"{size / found['seconds']:>9.0f} {found['peak_mb']:>8.0f} {found['out']:>10.4f} "
            f"{found['kept']:>11.4f} {found['one_ms']:>12.1f} {found['one_pairs']:>9.0f}",
            flush=True,
        )


def step(name: str, folder: str, size: int) -> dict[str, float]:
    """Run one step in a process of its own, whose peak memory is that step's alone."""
    done = subprocess.run(
        [sys.executable, __file__, "--step", name, "--folder", folder, "--sizes", str(size)],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def write(warehouse: Warehouse, size: int, folder: Path) -> dict[str, float]:
    """Write types, signals and files of ``size`` images; image 2 of each four is a copy of 1."""
    began = time.perf_counter()
    with open_workspace(warehouse, MEMORY) as work:
        for start in range(0, size, AT_ONCE):
            _insert(work, DAY, f"range({start}, {min(size, start + AT_ONCE)})")
        # One product's eight images on a later day, and one more: a copy of its first.
        _insert(work, LATER, "range(0, 8)")
        _insert(work, LATER, "(SELECT -8)")
    return {"seconds": time.perf_counter() - began}


def _insert(work: Workspace, day: date, numbers: str) -> None:
    hashes = []
    for n, name in enumerate(HASHES):
        flip = (
            f"CASE WHEN i % 4 = 2 THEN 1::UBIGINT << (hash(i * 4 + {n}) % 64)::INTEGER ELSE 0 END"
        )
        hashes.append(f"printf('%016x', xor(hash(source * 4 + {n + 1}), {flip})) AS {name}")
    work.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE images AS
        SELECT i, sha256(i::VARCHAR) AS image_id, DATE '{day}' AS day,
            'c' || (abs(i) // {IN_CATEGORY}) AS category, 'p' || (abs(i) // 8) AS product_id,
            CASE WHEN i % 8 < 4 THEN 'front' ELSE 'closeup' END AS image_type,
            CASE WHEN i % 4 = 2 THEN i - 1 WHEN i < 0 THEN 0 ELSE i END AS source
        FROM {numbers} AS t(i)
        """
    )
    if day == LATER:
        work.execute("UPDATE images SET product_id = 'p0', category = 'c0', image_type = 'front' "
                     "WHERE i < 0")  # fmt: skip
    work.execute(
        "INSERT INTO image_types BY NAME SELECT day, category, product_id, image_id, image_type, "
        "0.9 AS probability, 'logistic' AS approach, 'global' AS answered_by, "
        "image_type AS best_guess, '1' AS model_version FROM images"
    )
    work.execute(
        f"""
        INSERT INTO image_signals BY NAME
        SELECT day, category, image_id, 'synthetic' AS signals_version, {", ".join(hashes)},
            list_transform(range(128), lambda b: (b = source % 128)::INTEGER::FLOAT)
                AS hsv_histogram,
            0.3 AS sharpness, 0.6 AS foreground_fraction, 1 AS background_whiteness,
            1 AS background_pure_white, 0.8 AS object_extent, 0.6 AS detail, 30 AS colourfulness,
            [1.0] AS embedding
        FROM images
        """
    )
    work.execute(
        "INSERT INTO aggregated_images BY NAME SELECT day, category, product_id, image_id, "
        "['acme'] AS suppliers, [image_id] AS image_urls, 1 AS best_position, "
        "false AS is_curated, 'JPEG' AS format, 800 AS width, 1000 AS height, "
        "1000 AS byte_size, 'rgb' AS mode, 8 AS bit_depth, 1 AS frames, day AS first_seen "
        "FROM images"
    )


def cluster(warehouse: Warehouse, size: int, folder: Path) -> dict[str, float]:
    """Cluster everything, then the one product with an image more."""
    warehouse.initialise()
    store = ImageStore(str(folder / "images"))
    settings = Settings(home=folder, dedup=DedupSettings(pixels=False))
    categories = [f"c{n}" for n in range(-(-size // IN_CATEGORY))]
    partitions = [Partition(DAY, category) for category in categories]
    began = time.perf_counter()
    for number, part in enumerate(deduplicate(warehouse, store, settings, partitions)):
        part.clusters.write_parquet(folder / f"clusters-{number}.parquet")
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    compared = _count_pairs()
    began = time.perf_counter()
    list(deduplicate(warehouse, store, settings, [Partition(LATER, "c0")]))
    one = time.perf_counter() - began
    with open_workspace(warehouse, MEMORY) as work:
        shares = work.sql(
            f"""
            -- Of an image and its copy either may stay.
            SELECT 2 * avg((NOT is_representative)::INTEGER) FILTER (i % 4 IN (1, 2)) AS out,
                avg(is_representative::INTEGER) FILTER (i % 4 IN (0, 3)) AS kept
            FROM '{folder}/clusters-*.parquet' JOIN (
                SELECT i, sha256(i::VARCHAR) AS image_id FROM range({size}) AS t(i)
            ) USING (image_id)
            """
        ).row(0, named=True)
    return {
        "seconds": seconds, "peak_mb": peak, "one_ms": one * 1000, "one_pairs": compared[0],
        **shares,
    }  # fmt: skip


def _count_pairs() -> list[int]:
    """Count the pairs that are compared from now on."""
    count = [0]
    plain = PairJudge.same

    def counted(judge: PairJudge, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        count[0] += len(left)
        return plain(judge, left, right)

    PairJudge.same = counted  # type: ignore[method-assign]
    return count


if __name__ == "__main__":
    main()
