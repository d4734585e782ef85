"""Learned quality and compliance on a catalog with known truth, against the rules alone.

    python benchmarks/flags.py CATALOG [--backbone NAME_OR_FOLDER] [--block] [--home FOLDER]

CATALOG holds feeds/, images/, truth/ and labels/styles.csv (a split of styles). Models are trained
from a warehouse that holds nothing but the products of styles whose split is 'train': quality from
synthetic defects alone, compliance from these products' true flags as well. Then the other feeds
arrive, and everything is judged from stored signals. All figures are of the other styles' products.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from imgassets.defs.resources import open_registry
from imgassets.ingest.store import ImageStore
from imgassets.learning.champions import load_champions
from imgassets.learning.features import feature_matrix
from imgassets.learning.flag_model import FlagModel
from imgassets.learning.flags import load_model
from imgassets.operations.flags import SIGNAL_COLUMNS, flags_of, score_flags
from imgassets.selection.quality import DEFECTS, score_quality
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComplianceFlags,
    FetchedImages,
    ImageSignals,
    QualityScores,
)
from imgassets.warehouse.lake import Warehouse

COMPLIANCE = {"promo_badge": "promo_badge", "weapon": "weapon", "wrong_product": "wrong_content"}
"""Flags that are trained from examples, and what the truth calls them."""

IMAGE = ["day", "category", "product_id", "image_id"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--block", action="store_true", help="also retrain the last block")
    parser.add_argument("--home", type=Path, help="kept afterwards; default: a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(arguments, arguments.home or Path(scratch, "home"), Path(scratch))


def run(arguments: argparse.Namespace, home: Path, scratch: Path) -> None:
    catalog = arguments.catalog
    environment = {
        **os.environ,
        "IMGASSETS_HOME": str(home),
        "IMGASSETS_BACKBONE": arguments.backbone,
        "IMGASSETS_LEARNING__RETRAIN_BLOCK": str(arguments.block).lower(),
    }

    def imgassets(*command: str) -> float:
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", "imgassets", *command], env=environment, check=True)
        return time.monotonic() - started

    truth, is_test = read_truth(catalog)
    base = ["--image-base", str(catalog)]
    seen = truth.filter(~is_test)
    write_feeds(catalog / "feeds", scratch / "feeds", set(seen["product_id"]))
    imgassets("ingest", str(scratch / "feeds"), *base)
    imgassets("backfill")
    labels = pl.concat(
        seen.filter(~pl.col("defects").str.contains("corrupt|dead_url")).select(
            "product_id", "image_url", "style", flag=pl.lit(flag),
            value=pl.col("defects").str.split(";").list.contains(defect),
        )
        for flag, defect in COMPLIANCE.items()
    )  # fmt: skip
    labels.write_csv(scratch / "flags.csv")
    seconds = {"quality": imgassets("train", "quality")}
    imgassets("labels", "import", str(scratch / "flags.csv"))
    seconds |= {flag: imgassets("train", flag) for flag in COMPLIANCE}
    imgassets("ingest", str(catalog / "feeds"), *base)
    imgassets("backfill")
    report(Settings(home=home, backbone=arguments.backbone), truth.filter(is_test), seconds)


def read_truth(catalog: Path) -> tuple[pl.DataFrame, pl.Expr]:
    """Return the truth per reference with its style, and which rows are of test styles."""
    images = pl.read_csv(catalog / "truth" / "images.csv", infer_schema=False)
    products = pl.read_csv(catalog / "truth" / "products.csv", infer_schema=False)
    styles = pl.read_csv(catalog / "labels" / "styles.csv", infer_schema=False)
    joined = (
        images.with_columns(pl.col("defects").fill_null(""))
        .join(products.select("product_id", "style"), on="product_id")
        .join(styles.select("style", "split"), on="style")
    )
    return joined, pl.col("split") == "test"


def write_feeds(feeds: Path, out: Path, products: set[str]) -> None:
    """Copy feeds with the rows of some products alone."""
    readers = {".csv": pl.read_csv, ".jsonl": pl.read_ndjson, ".parquet": pl.read_parquet}
    writers = {".csv": "write_csv", ".jsonl": "write_ndjson", ".parquet": "write_parquet"}
    for path in sorted(p for p in feeds.glob("*/*") if p.suffix in readers):
        rows = readers[path.suffix](path).filter(pl.col("product_id").is_in(list(products)))
        target = out / path.relative_to(feeds)
        target.parent.mkdir(parents=True, exist_ok=True)
        if rows.height:
            getattr(rows, writers[path.suffix])(target)


def report(settings: Settings, truth: pl.DataFrame, seconds: dict[str, float]) -> None:
    """Print precision, recall and F1 of rules and models, and the speed of a re-score."""
    console = Console(width=120)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    fetched = warehouse.read(FetchedImages, columns=["product_id", "image_url", "image_id"])
    known = truth.join(fetched.unique(), on=["product_id", "image_url"])
    signals = warehouse.read(ImageSignals)
    learned = failed_by_defect(warehouse.read(QualityScores))
    rules = failed_by_defect(
        score_quality(warehouse.read(AggregatedImages), signals, settings.quality)
    )
    flags = warehouse.read(ComplianceFlags)

    table = Table("defect", "judge", "positives", "precision", "recall", "F1")
    usable = known.filter(pl.col("usable") == "true")
    for defect in DEFECTS:
        for judge, failed in (("rules", rules), ("models", learned)):
            found = failed.filter(pl.col("flag") == defect)
            add_row(table, defect, judge, known, usable, found, defect)
    for flag, defect in COMPLIANCE.items():
        for decisions in (["rejected"], ["rejected", "review"]):
            found = flags.filter((pl.col("flag") == flag) & pl.col("decision").is_in(decisions))
            add_row(table, flag, " or ".join(decisions), known, usable, found, defect)
    console.print(table)
    for name, discarded in (
        ("rules", rules),
        ("quality models", learned),
        ("compliance models", flags.filter(pl.col("decision") == "rejected")),
    ):
        wrong = is_in(usable, discarded).height
        share = wrong / usable.height
        console.print(f"good images discarded by {name}: {wrong} of {usable.height} ({share:.2%})")
    console.print("training: " + ", ".join(f"{n} {s:.0f} s" for n, s in seconds.items()))

    columns = signals.select("day", "category", *SIGNAL_COLUMNS)
    registry, store = open_registry(settings), ImageStore(settings.image_store)
    distinct = columns["image_id"].n_unique()
    for when in ("first call (libraries and models are loaded)", "second call"):
        started = time.perf_counter()
        scores = score_flags(columns, flags_of(settings), registry, store, settings)
        taken = time.perf_counter() - started
        console.print(
            f"re-score from stored signals, {when}: {distinct} images by {len(scores.versions)} "
            f"models in {taken:.2f} s, {distinct / taken:.0f} images/s; no file was opened"
        )
    features = feature_matrix(columns.unique("image_id"))
    for flag, served in load_champions(registry, scores.versions)[0].items():
        model = load_model(served.folder)
        if isinstance(model, FlagModel):
            started = time.perf_counter()
            model.predict_proba(features)
            taken = time.perf_counter() - started
            console.print(f"  {flag} alone ({model.approach}): {distinct / taken:.0f} images/s")


def failed_by_defect(quality: pl.DataFrame) -> pl.DataFrame:
    """Return product_id, image_id, flag of every failed rule."""
    return (
        quality.explode("failed_rules")
        .drop_nulls("failed_rules")
        .select("product_id", "image_id", flag="failed_rules")
    )


def is_in(images: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return images.join(found, on=["product_id", "image_id"], how="semi")


def add_row(
    table: Table,
    name: str,
    judge: str,
    known: pl.DataFrame,
    usable: pl.DataFrame,
    found: pl.DataFrame,
    defect: str,
) -> None:
    """Add a judge's measures: what has the defect against what is usable."""
    positives = known.filter(pl.col("defects").str.split(";").list.contains(defect))
    hits, wrong = is_in(positives, found).height, is_in(usable, found).height
    precision, recall = hits / max(hits + wrong, 1), hits / max(positives.height, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    table.add_row(
        name, judge, str(positives.height), f"{precision:.3f}", f"{recall:.3f}", f"{f1:.3f}"
    )


if __name__ == "__main__":
    main()
