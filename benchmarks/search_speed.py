"""How fast images are found among many: exact and approximate, with recall, build time and memory.

    OMP_NUM_THREADS=1 python benchmarks/search_speed.py [--images 10000 100000 1000000]
        [--dimension 128] [--queries 500] [--exact-queries 100] [--seed 0]

Made-up vectors with the structure of a catalog's: 60 categories whose sizes follow Zipf's law; in
each, styles spread over 16 directions of its own; each style has 5 images beside each other, with
noise in all directions. Queries are as texts are: near no single style, in the directions of a
category, and all moved by one vector, since texts lie elsewhere in the space than images do (the
"modality gap" of CLIP). Every size is built as an index folder by a process of its own, through the
code that serves: `update_index` and `SearchIndex`. Exact: all vectors are compared. Approximate:
the graph's candidates, compared by their full vectors. Latency is of one query at a time by one
thread; the second rate is of two threads together. `--inputs` numbers per image stand for what the
re-ranker reads. Then 1 % of the images are replaced, which is what a day's feed does.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from imgassets.search.index import SearchIndex
from imgassets.search.index_update import IMAGE, Source, update_index
from imgassets.search.recall import measure_recall
from imgassets.search.vectors import nearest

Floats = NDArray[np.float32]
CATEGORIES, DIRECTIONS, IMAGES_PER_STYLE = 60, 16, 5
K = 10
console = Console(width=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--inputs", type=int, default=128)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--exact-queries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = Table(
        "images", "search", "queries/s", "2 threads", "p50 ms", "p95 ms", f"recall@{K}",
        title=f"{options.dimension} dimensions, best {K}",
    )  # fmt: skip
    built = Table("images", "build s", "with graph s", "1 % replaced s", "folder MiB", "peak MiB")
    context = multiprocessing.get_context("spawn")
    for images in options.images:
        # A process of its own for each size, so that the peak is that size's.
        with context.Pool(1) as pool:
            rows, facts = pool.apply(measure, (images, options))
        for row in rows:
            table.add_row(f"{images:,}", *row)
        built.add_row(f"{images:,}", *facts)
        console.print(f"{images:,} done")
    console.print(table)
    console.print(built)


class Made:
    """The made-up catalog: vectors are drawn as they are asked for, so that none are held."""

    def __init__(self, images: int, options: argparse.Namespace) -> None:
        random = np.random.default_rng(options.seed)
        d = options.dimension
        self.options = options
        self.centres = unit(random.normal(size=(CATEGORIES, d)))
        self.directions = random.normal(size=(CATEGORIES, DIRECTIONS, d)) / np.sqrt(d)
        self.gap = 0.6 * unit(random.normal(size=(1, d)))
        self.share = 1 / np.arange(1, CATEGORIES + 1)
        self.share /= self.share.sum()
        styles = images // IMAGES_PER_STYLE + 1
        self.category = random.choice(CATEGORIES, styles, p=self.share)
        self.numbers = np.arange(images)

    def wanted(self, _: object) -> pl.DataFrame:
        """Return the catalog's images."""
        style = self.numbers // IMAGES_PER_STYLE % len(self.category)
        return pl.DataFrame(
            {
                "category": [f"c{c}" for c in self.category[style]],
                "product_id": [f"p{s}" for s in style],
                "image_id": [f"{n:064x}" for n in self.numbers],
                "number": self.numbers,
            }
        ).select(*IMAGE, "number")

    def load(self, rows: pl.DataFrame) -> tuple[Floats, Floats]:
        """Draw the vectors of some images; an image's are always the same for the same rows."""
        numbers = rows["number"].to_numpy()
        style = numbers // IMAGES_PER_STYLE % len(self.category)
        drawn = np.random.default_rng([self.options.seed, int(numbers[0]) if len(numbers) else 0])
        by_style = {
            s: np.random.default_rng([self.options.seed, 1, s]) for s in set(style.tolist())
        }
        spread = {s: generator.normal(size=DIRECTIONS) for s, generator in by_style.items()}
        found = self.place(self.category[style], np.array([spread[s] for s in style.tolist()]))
        noise = drawn.normal(size=found.shape) * 0.25 / np.sqrt(found.shape[1])
        inputs = drawn.random((len(rows), self.options.inputs), np.float32)
        return unit(found + noise), inputs

    def queries(self, n: int) -> Floats:
        """Draw queries."""
        drawn = np.random.default_rng([self.options.seed, 2])
        category = drawn.choice(CATEGORIES, n, p=self.share)
        found = self.place(category, 0.7 * drawn.normal(size=(n, DIRECTIONS))) + self.gap
        return unit(found + drawn.normal(size=found.shape) * 0.25 / np.sqrt(found.shape[1]))

    def place(self, category: NDArray[np.int64], spread: NDArray[np.float64]) -> Floats:
        """Return where styles of categories lie."""
        moved = np.einsum("ns,nsd->nd", spread, self.directions[category]) / 4
        return (self.centres[category] + moved).astype(np.float32)


def measure(images: int, options: argparse.Namespace) -> tuple[list[list[str]], list[str]]:
    """Build the index of one size and search it."""
    made = Made(images, options)
    source = Source("made", "made", options.dimension, options.inputs, made.wanted, made.load)
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept) / "index"
        plain = timed(lambda: update_index(folder, source, None, ann_from=10**12))
        graph = timed(lambda: update_index(folder, source, None, ann_from=1))
        index = SearchIndex.open(folder)
        queries = made.queries(options.queries)
        few = queries[: options.exact_queries]
        recall = measure_recall(index, queries, K)
        rows = [
            ["exact", *speed(lambda q: nearest(q[None], index.vectors, K), few), "1"],
            ["approximate", *speed(lambda q: index.nearest(q, K), queries), f"{recall:.4f}"],
        ]
        made.numbers = np.concatenate(
            [made.numbers[images // 100 :], np.arange(images, images + images // 100)]
        )
        replaced = timed(lambda: update_index(folder, source, None, ann_from=1))
        again = measure_recall(SearchIndex.open(folder), queries, K)
        rows.append(["… 1 % replaced", "", "", "", "", f"{again:.4f}"])
        size = sum(path.stat().st_size for path in index.version.iterdir()) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    facts = [f"{plain:.1f}", f"{graph:.1f}", f"{replaced:.1f}", f"{size:.0f}", f"{peak:.0f}"]
    return rows, facts


def speed(search: Callable[[Floats], object], queries: Floats) -> list[str]:
    """Return rates and latencies of a search, as text."""
    for query in queries[:20]:  # the first ones read the files
        search(query)
    taken = [timed(lambda query=query: search(query)) for query in queries]
    with ThreadPoolExecutor(2) as threads:
        together = timed(lambda: list(threads.map(search, queries)))
    rate = len(queries) / sum(taken)
    p50, p95 = np.percentile(taken, [50, 95]) * 1000
    return [f"{rate:.0f}", f"{len(queries) / together:.0f}", f"{p50:.2f}", f"{p95:.2f}"]


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def unit(vectors: NDArray[np.float64] | Floats) -> Floats:
    """Return vectors of length 1."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


if __name__ == "__main__":
    main()
