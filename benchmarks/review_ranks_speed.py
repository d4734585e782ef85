"""How long ranking review photos takes, from stored signals to committed ranks.

    OMP_NUM_THREADS=1 python benchmarks/review_ranks_speed.py [--photos 10000] [--per-product 20]
        [--copies 0.05] [--nima 1024] [--embedding 256] [--seed 0]

A warehouse is filled with made-up signals of review photos of one day and category, of which some
are near copies of another photo of their product. Timed is `rank_partitions` alone: reading the
signals, scoring them with a ranker of paper B's size (512, 256, 128, 1) and random weights, finding
duplicates, ranking, and writing the partition in one transaction; then the same again, when there
is nothing to do, and once for one product that has all the photos.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console

from imgassets.operations.photo_ranker import PhotoRanker
from imgassets.operations.review_ranks import rank_partitions
from imgassets.reviews.prompt import builtin_limits
from imgassets.settings import Settings
from imgassets.vision.photo_version import photo_signals_version
from imgassets.warehouse.contracts import FetchedReviewImages, ReviewImages, ReviewSignals
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition

DAY, CATEGORY = dt.date(2026, 1, 5), "tablet"
BINS = 96
LAYERS = (512, 256, 128, 1)
console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--per-product", type=int, default=20)
    parser.add_argument("--copies", type=float, default=0.05)
    parser.add_argument("--nima", type=int, default=1024)
    parser.add_argument("--embedding", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for per_product in (options.per_product, options.photos):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), options, per_product)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"largest resident memory: {peak:.0f} MiB")


def measure(folder: Path, options: argparse.Namespace, per_product: int) -> None:
    settings = Settings(home=folder)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    fill(warehouse, settings, options, per_product)
    ranker = random_ranker(options)
    partition = Partition(DAY, CATEGORY)
    started = time.perf_counter()
    found = rank_partitions(warehouse, settings, ranker, [partition])
    first = time.perf_counter() - started
    started = time.perf_counter()
    again = rank_partitions(warehouse, settings, ranker, [partition])
    second = time.perf_counter() - started
    assert again.unchanged == {partition}
    statuses = found.rows["status"].value_counts().sort("status")
    console.print(
        f"{found.rows.height} photos, {per_product} per product: {first:.1f} s "
        f"({dict(statuses.iter_rows())}); with nothing to do {second:.2f} s"
    )


def random_ranker(options: argparse.Namespace) -> PhotoRanker:
    """Return a ranker of paper B's size that reads both lists of features."""
    random = np.random.default_rng(options.seed)
    sizes = [options.nima + options.embedding, *LAYERS]
    weights = [
        random.normal(0, (2 / n) ** 0.5, (n, m)).astype(np.float32)
        for n, m in itertools.pairwise(sizes)
    ]

    def scores(photos: pl.DataFrame) -> np.ndarray:
        parts = [
            photos[name].explode().to_numpy().reshape(photos.height, -1)
            for name in ("nima", "embedding")
        ]
        hidden = np.hstack(parts)
        for layer in weights[:-1]:
            hidden = np.maximum(hidden @ layer, 0)
        return 1 / (1 + np.exp(-(hidden @ weights[-1])[:, 0].astype(np.float64)))

    return PhotoRanker(builtin_limits(), scores=scores, version="random")


def fill(
    warehouse: Warehouse, settings: Settings, options: argparse.Namespace, per_product: int
) -> None:
    """Write reviews, their fetched files and their signals."""
    random = np.random.default_rng(options.seed)
    n = options.photos
    product = np.arange(n) // per_product
    copied = np.arange(n)
    # A copy repeats a photo a few places before it, if that is of the same product.
    is_copy = random.random(n) < options.copies
    back = np.maximum(np.arange(n) - random.integers(1, 5, n), 0)
    is_copy &= product == product[back]
    copied[is_copy] = back[is_copy]
    hashes = random.integers(0, 2**63, (n, 4), dtype=np.uint64)[copied]
    histograms = random.gamma(0.3, size=(n, BINS)).astype(np.float32)[copied]
    histograms /= histograms.sum(1, keepdims=True)
    uniform = {
        "sharpness": (0.1, 0.5), "foreground_fraction": (0.2, 1), "background_whiteness": (0, 1),
        "background_pure_white": (0, 1), "object_extent": (0.4, 1), "detail": (0, 1),
        "colourfulness": (2, 60), "bright": (100, 255), "clipped": (0, 0.2), "noise": (0.1, 3),
        "blockiness": (0.2, 4),
    }  # fmt: skip
    ids = [f"{i:064x}" for i in range(n)]
    signals = pl.DataFrame(
        {
            "image_id": ids,
            "width": random.integers(300, 3000, n),
            "height": random.integers(300, 3000, n),
            **{
                name: [f"{value:016x}" for value in hashes[:, i]]
                for i, name in enumerate(("phash", "dhash", "object_phash", "edge_dhash"))
            },
            "hsv_histogram": list(histograms),
            **{name: random.uniform(*ends, n) for name, ends in uniform.items()},
            "embedding": list(random.normal(size=(n, options.embedding)).astype(np.float32)),
            "nima": list(random.normal(size=(n, options.nima)).astype(np.float32)),
        }
    ).with_columns(
        longer_side=pl.max_horizontal("width", "height"),
        signals_version=pl.lit(photo_signals_version(settings)),
    )
    reviews = pl.DataFrame(
        {
            "review_id": [f"r{i}" for i in range(n)],
            "product_id": [f"p{i}" for i in product],
            "style": [f"p{i}" for i in product],
            "image_url": [f"{i}.jpg" for i in range(n)],
            "image_location": [f"/photos/{i}.jpg" for i in range(n)],
            "image_id": ids,
            "submitted_at": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * n,
            "helpful_votes": random.integers(0, 50, n),
            "impressions": random.integers(50, 900, n),
        }
    ).with_columns(feed_file=pl.lit("f"), feed_row=pl.int_range(1, pl.len() + 1))
    facts = {
        "format": "JPEG", "width": 900, "height": 1200, "byte_size": 9000, "mode": "rgb",
        "bit_depth": 8, "frames": 1, "extension": "jpg", "extension_matches": True,
    }  # fmt: skip
    fetched = reviews.with_columns(**{name: pl.lit(value) for name, value in facts.items()})
    cell = frozenset({Partition(DAY, CATEGORY)})
    tables = ((ReviewImages, reviews), (FetchedReviewImages, fetched), (ReviewSignals, signals))
    warehouse.replace(
        [
            Replacement(table, rows.with_columns(day=pl.lit(DAY), category=pl.lit(CATEGORY)), cell)
            for table, rows in tables
        ],
        CommitMessage(asset="benchmark"),
    )


if __name__ == "__main__":
    main()
