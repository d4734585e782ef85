"""Measure the quality rules on a catalog with ground truth.

Usage: python benchmarks/selection_quality.py CATALOG_DIR [--backbone PATH]

CATALOG_DIR holds truth/images.csv (image_url, product_id, category, view, source_id, defects,
usable), truth/products.csv (product_id, style), labels/styles.csv (style, split) and the images.
Limits were chosen on the styles of the training split; the table shows both splits.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import time
from datetime import date
from pathlib import Path

import polars as pl
from PIL import Image

from imgassets.selection.quality import score_quality
from imgassets.settings import QualitySettings, VisionSettings
from imgassets.vision.engine import compute_signals

DAY = date(2026, 1, 9)
DEFECTS = ("blurry", "small_object", "low_resolution", "placeholder")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--backbone", default="embedded")
    arguments = parser.parse_args()

    truth, contents = read_truth(arguments.catalog)
    settings = VisionSettings(backbone=arguments.backbone)
    began = time.perf_counter()
    signals, refused = compute_signals(list(contents), contents.__getitem__, settings)
    seconds = time.perf_counter() - began
    print(
        f"{len(signals)} images measured, {len(refused)} refused, in {seconds:.1f} s: "
        f"{len(contents) / seconds:.1f} images/s with {settings.workers} threads"
    )
    aggregated = aggregate(truth.filter(~pl.col("image_id").is_in(refused["image_id"].implode())))
    partition = [pl.lit(DAY).alias("day"), pl.col("category")]
    signals = aggregated.select("category", "image_id").unique().join(signals, on="image_id")
    signals = signals.select(*partition, pl.exclude("category"))
    quality = score_quality(aggregated, signals, QualitySettings())
    judged = truth.join(quality.drop("day", "category"), on=["product_id", "image_id"], how="inner")
    for split in ("train", "test"):
        report_quality(judged.filter(pl.col("split") == split), split)


def read_truth(catalog: Path) -> tuple[pl.DataFrame, dict[str, bytes]]:
    """Read the truth of every image whose bytes exist, and the bytes by content id."""
    styles = pl.read_csv(catalog / "labels/styles.csv").select("style", "split")
    products = pl.read_csv(catalog / "truth/products.csv").select("product_id", "style")
    truth = pl.read_csv(catalog / "truth/images.csv").with_columns(pl.col("defects").fill_null(""))
    truth = truth.join(products, on="product_id").join(styles, on="style")
    contents: dict[str, bytes] = {}
    ids: list[str | None] = []
    for url in truth["image_url"]:
        path = catalog / url
        if not path.is_file():
            ids.append(None)
            continue
        data = path.read_bytes()
        ids.append(hashlib.sha256(data).hexdigest())
        contents[str(ids[-1])] = data
    truth = truth.with_columns(image_id=pl.Series(ids, dtype=pl.String)).drop_nulls("image_id")
    sizes = {key: _size(data) for key, data in contents.items()}
    return truth.with_columns(
        width=pl.col("image_id").replace_strict({k: s[0] for k, s in sizes.items()}),
        height=pl.col("image_id").replace_strict({k: s[1] for k, s in sizes.items()}),
    ), contents


def _size(data: bytes) -> tuple[int, int]:
    try:
        return Image.open(io.BytesIO(data)).size
    except OSError:
        return 0, 0


def aggregate(truth: pl.DataFrame) -> pl.DataFrame:
    """Make rows of aggregated images, one partition per category."""
    return truth.group_by(["category", "product_id", "image_id"], maintain_order=True).agg(
        pl.lit(DAY).alias("day"),
        pl.col("width").first(),
        pl.col("height").first(),
        pl.lit(False).alias("is_curated"),
        pl.lit(1).cast(pl.Int32).alias("best_position"),
    )


def report_quality(judged: pl.DataFrame, split: str) -> None:
    """Print precision and recall of each rule, and the false rejects of usable images."""
    print(f"\nquality, {split} styles, {len(judged)} references")
    print(f"{'rule':16}{'defective':>10}{'flagged':>9}{'precision':>11}{'recall':>8}")
    for defect in DEFECTS:
        has = judged["defects"].str.contains(defect)
        flagged = judged["failed_rules"].list.contains(defect)
        hits = int((has & flagged).sum())
        print(
            f"{defect:16}{int(has.sum()):>10}{int(flagged.sum()):>9}"
            f"{hits / max(1, int(flagged.sum())):>11.3f}{hits / max(1, int(has.sum())):>8.3f}"
        )
    usable = judged.filter("usable")
    rejected = usable.filter(~pl.col("passed"))
    print(f"usable images rejected: {len(rejected)} of {len(usable)}")
    for row in rejected.select("image_url", "reasons").iter_rows():
        print("   ", *row)
    missed = judged.filter(
        "passed", pl.any_horizontal(pl.col("defects").str.contains(d) for d in DEFECTS)
    )
    for row in missed.select("image_url", "defects", "variant").iter_rows():
        print("    missed", *row)


if __name__ == "__main__":
    main()
