"""Measure the catalog-wide index of look-alikes on 10^4 … 10^7 synthetic images.

Usage: python benchmarks/matches.py [--sizes 1e4 1e5 1e6 1e7] [--memory 2GB] [--styles 1]

Rows of signals are written by SQL into a DuckLake warehouse in a temporary folder (about 3 GB for
10^7 rows), so no picture is read. One in twenty is a copy of another with up to 12 flipped bits in
each hash; one in a hundred is blank; one in a hundred has the hashes of one of twenty stock
pictures. For each size, in a process of its own:

* the time, of the wall and of all cores, and the peak memory (resident, whole process) of
  computing the table image_matches anew;
* the share of copies that are found, of those that share a band for certain ("sure"), and of all
  within the limits;
* the time of finding the matches of one new image, which is one scan of all rows.

Near-linear means: rows/s stay the same. Uniformly random hashes are kinder than pictures: with
--styles N every hash is that of one of N styles with each bit flipped at a chance of one in four,
so that pictures of a style share bands by chance about as often as photos of one kind of garment.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from imgassets.operations.image_matches import MatchLimits, bands, match_images, matches_of
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.workspace import open_workspace

VERSION = "synthetic"
HASHES = ("object_phash", "edge_dhash", "phash", "dhash")
COPIES, BLANK, STOCK = 0.05, 0.01, 0.01
MOST_FLIPS = 12


def main() -> None:
    """Print the table, or do one step of it as a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e4, 1e5, 1e6, 1e7])
    parser.add_argument("--memory", default="2GB", help="DuckDB's limit, default 2GB")
    parser.add_argument("--styles", type=int, default=0, help="default 0: uniform hashes")
    parser.add_argument("--step", choices=["write", "match"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        warehouse = open_warehouse(arguments.folder)
        size = int(arguments.sizes[0])
        if arguments.step == "write":
            found = write(warehouse, size, arguments.styles, arguments.memory)
        else:
            found = match(warehouse, size, arguments.memory)
        print(json.dumps(found))
        return
    print(
        f"{'images':>10} {'written s':>9} {'matched s':>9} {'CPU s':>7} {'images/s':>9} "
        f"{'peak MB':>8} "
        f"{'pairs':>9} {'crowded':>8} {'sure':>7} {'within':>7} {'one image s':>11}"
    )
    for size in map(int, arguments.sizes):
        with tempfile.TemporaryDirectory() as folder:
            written = step("write", folder, size, arguments)
            found = step("match", folder, size, arguments)
        print(
            f"{size:>10} {written['seconds']:>9.1f} {found['seconds']:>9.1f} "
            f"{found['cpu']:>7.1f} {size / found['seconds']:>9.0f} {found['peak_mb']:>8.0f} "
            f"{found['pairs']:>9} "
            f"{found['crowded']:>8} {found['sure']:>7.4f} {found['within']:>7.4f} "
            f"{found['one']:>11.2f}",
            flush=True,
        )


def step(name: str, folder: str, size: int, arguments: argparse.Namespace) -> dict[str, float]:
    """Run one step in a process of its own, whose peak memory is that step's alone."""
    done = subprocess.run(
        [
            sys.executable, __file__, "--step", name, "--folder", folder, "--sizes", str(size),
            "--memory", arguments.memory, "--styles", str(arguments.styles),
        ],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def open_warehouse(folder: Path) -> Warehouse:
    return Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data/")


def write(warehouse: Warehouse, size: int, styles: int, memory: str) -> dict[str, float]:
    """Write the signals of ``size`` images; image ``i`` is a copy of ``i + copies`` if it is one.

    Copies come first, then their originals, blank and stock pictures last.
    """
    began = time.perf_counter()
    copies = int(size * COPIES)
    special = size - int(size * STOCK)
    blank = special - int(size * BLANK)
    hexadecimal = ", ".join(f"printf('%016x', {name}) AS {name}" for name in HASHES)
    with open_workspace(warehouse, memory) as work:
        # A thousand palettes of colours, which copies share with their originals.
        work.execute(
            "CREATE TEMP TABLE palettes AS SELECT palette, list_transform(range(128), lambda b: "
            "CASE WHEN b = palette % 128 OR b = palette // 8 THEN 0.5 ELSE 0 END::FLOAT) "
            "AS hsv_histogram FROM range(1000) AS t(palette)"
        )
        # In parts: a transaction's rows are sorted into partitions in memory.
        part = 1_000_000
        for start in range(0, size, part):
            values = [
                f"CASE WHEN i BETWEEN {blank} AND {special} - 1 THEN 0 ELSE "
                f"{_hash(n, styles, copies if start < copies else 0)} END AS {name}"
                for n, name in enumerate(HASHES)
            ]
            work.execute(
                f"""
                INSERT INTO image_signals BY NAME
                SELECT DATE '2026-01-05' + (i // {part})::INTEGER AS day, 'all' AS category,
                    sha256(i::VARCHAR) AS image_id, '{VERSION}' AS signals_version, {hexadecimal},
                    hsv_histogram, 0.3 AS sharpness, 0.6 AS foreground_fraction,
                    1 AS background_whiteness, 1 AS background_pure_white, 0.8 AS object_extent,
                    0.6 AS detail, 30 AS colourfulness, [1.0] AS embedding
                FROM (
                    SELECT i, source, {", ".join(values)} FROM (
                        SELECT i, CASE WHEN i < {copies} THEN i + {copies}
                            WHEN i >= {special} THEN i % 20 ELSE i END AS source
                        FROM range({start}, {min(size, start + part)}) AS t(i)
                    )
                ) JOIN palettes ON palette = source % 1000
                """
            )
    return {"seconds": time.perf_counter() - began}


def _hash(number: int, styles: int, copies: int) -> str:
    """Return the SQL expression of image i's hash; the first ``copies`` have bits flipped."""
    # Of one number each: DuckDB's hash of several is no good mixture of theirs.
    plain = f"hash(source * 4 + {number + 1})"
    if styles:
        flipped = f"(hash(-source * 4 - {number}) & hash(source * 4.5 + {number / 8}))"
        plain = f"xor(hash(source % {styles} * 4 + {number + 1}), {flipped})"
    if not copies:
        return plain
    flips = f"CASE WHEN i < {copies} THEN i % {MOST_FLIPS + 1} ELSE 0 END"
    bits = (
        f"list_transform(range({flips}), "
        f"lambda t: 1::UBIGINT << (hash((i * 16 + t) * 4 + {number}) % 64)::INTEGER)"
    )
    return f"xor({plain}, list_reduce(list_prepend(0::UBIGINT, {bits}), lambda a, b: xor(a, b)))"


def match(warehouse: Warehouse, size: int, memory: str) -> dict[str, float]:
    """Compute the matches, and compare them with what was planted."""
    warehouse.initialise()
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    report = match_images(warehouse, VERSION, memory_limit=memory)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    began = time.perf_counter()
    matches_of(warehouse, image_id(warehouse, size // 3), VERSION)
    one = time.perf_counter() - began
    limits = MatchLimits()
    sure = sum(1 for band in bands(size) if band.first == "object_phash") ** 0.5 - 1
    with open_workspace(warehouse, memory) as work:
        copies = int(size * COPIES)
        planted = work.sql(
            f"""
            WITH h AS (
                SELECT image_id, ('0x' || object_phash)::UBIGINT AS p,
                    ('0x' || edge_dhash)::UBIGINT AS e FROM image_signals
            ), ids AS (
                SELECT i, sha256(i::VARCHAR) AS one, sha256((i + {copies})::VARCHAR) AS other
                FROM range({copies}) AS t(i)
            ), planted AS (
                SELECT least(one, other) AS left_image_id, greatest(one, other) AS right_image_id,
                    bit_count(xor(l.p, r.p)) AS p, bit_count(xor(l.e, r.e)) AS e
                FROM ids JOIN h AS l ON l.image_id = one JOIN h AS r ON r.image_id = other
            )
            SELECT avg((m.phash_distance IS NOT NULL)::INTEGER)
                    FILTER (greatest(p, e) <= {sure}) AS sure,
                avg((m.phash_distance IS NOT NULL)::INTEGER)
                    FILTER (p <= {limits.phash} AND e <= {limits.edge_dhash}) AS within
            FROM planted LEFT JOIN image_matches AS m USING (left_image_id, right_image_id)
            """
        ).row(0, named=True)
    return {
        "seconds": seconds,
        "cpu": cpu,
        "peak_mb": used.ru_maxrss / 1024,
        "pairs": report.pairs,
        "crowded": report.crowded_bands,
        "one": one,
        **planted,
    }


def image_id(warehouse: Warehouse, number: int) -> str:
    return str(warehouse.sql(f"SELECT sha256('{number}')").item())


if __name__ == "__main__":
    main()
