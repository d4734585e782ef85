"""Examples for rankers with invented features, whose distortions show in them; no pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import numpy as np
import polars as pl

from imgassets.learning.nima.heads import Heads
from imgassets.learning.ranking.competition import Data
from imgassets.learning.ranking.examples import plan_examples
from imgassets.learning.synthetic.distortions import FAMILIES
from imgassets.reviews.prompt import builtin_limits
from imgassets.reviews.settings import RankingSettings
from imgassets.warehouse.contracts import RankingExamples

VERSION = "invented-1"
WIDTH = 24

_SPREAD = {name: place for place, name in enumerate(FAMILIES)}
_FEATURES = sorted(
    set(RankingExamples.column_names())
    - {"example_id", "source_image_id", "origin", "group_id", "category", "family", "severity",
       "seed", "features_version"}
)  # fmt: skip


def image_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def sources(studio: int = 6, good: int = 5, bad: int = 3) -> pl.DataFrame:
    """Images of both origins; two of each group."""
    rows = [
        (image_id(f"{origin}-{is_good}-{i}"), origin, "shirts", f"{origin}-{i // 2}", 800, 1000,
         is_good)
        for origin, count, is_good in (("studio", studio, True), ("review", good, True),
                                       ("review", bad, False))
        for i in range(count)
    ]  # fmt: skip
    names = ["image_id", "origin", "category", "group_id", "width", "height", "good"]
    return pl.DataFrame(rows, schema=names, orient="row")


def features(jobs: pl.DataFrame, bad: Collection[str]) -> pl.DataFrame:
    """Invent what is measured: each family moves its own number of ``nima``."""
    rows = []
    for job in jobs.to_dicts():
        rng = np.random.default_rng(int(job["source_image_id"][:8], 16))
        nima = rng.normal(0, 0.3, WIDTH)
        nima[0] += job["origin"] == "studio"
        if job["family"]:
            nima[1 + _SPREAD[job["family"]]] += 1 + 2 * job["severity"]
            nima[-1] += 1 + 2 * job["severity"]  # all distortions have this in common
        blurred = job["severity"] if "blur" in job["family"] else 0.0
        faulty = job["source_image_id"] in bad
        crop = 1 - 0.5 * job["severity"] if job["family"].startswith("crop") else 1.0
        rows.append(
            {
                **job,
                "features_version": VERSION,
                "width": round(800 * crop),
                "height": 1000,
                "longer_side": 1000,
                "sharpness": (0.2 if faulty else 0.45) * (1 - 0.6 * blurred),
                "bright": 230.0,
                "clipped": 0.001,
                "noise": 0.5,
                "blockiness": 0.5,
                "object_extent": 0.9,
                "foreground_fraction": 0.5,
                "background_whiteness": 0.2,
                "background_pure_white": 0.1,
                "detail": 0.7,
                "colourfulness": 30.0 if job["family"] != "greyscale" else 3.0,
                "phash": "0" * 16,
                "dhash": "0" * 16,
                "object_phash": "0" * 16,
                "edge_dhash": "0" * 16,
                "hsv_histogram": [1 / 128] * 128,
                "embedding": (nima[:8] / np.linalg.norm(nima[:8])).tolist(),
                "nima": nima.tolist(),
            }
        )
    return RankingExamples.conform(pl.DataFrame(rows)).sort("example_id")


def examples(of: pl.DataFrame, held: Collection[str] = (), seed: int = 0) -> pl.DataFrame:
    bad = set(of.filter(~pl.col("good"))["image_id"])
    return features(plan_examples(of, held, seed, VERSION), bad)


def data(seed: int = 0, **settings: object) -> Data:
    """Everything that a competition takes; groups studio-0, review-0 are held out."""
    held = {"studio-0", "review-0"}
    ranking = RankingSettings(**{"pairs": 240, "epochs": 3, **settings})
    return Data(
        examples(sources(), held, seed), held, Heads(), builtin_limits(), ranking, seed, VERSION
    )
