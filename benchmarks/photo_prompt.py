"""Measure the prompt to customers: which spoilt photos it finds, and which good ones it blames.

    python benchmarks/photo_prompt.py CATALOG [--photos PHOTOS_DIR]

CATALOG holds `reviews/review_images.csv` (review_id, product_id, image_url) and `truth/reviews.csv`
(review_id, source_id, degraded_kind, severity). The limits were set on one half of the styles; the
table is of the other one, unless `--half tuned` asks for the first. PHOTOS_DIR holds larger photos
as uploaded, one folder per class; those that a review photo of the other half was made from are
left out.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from imgassets.reviews.prompt import builtin_limits, score_photo
from imgassets.vision.decode import Undecodable
from imgassets.vision.photo import measure_photo

FOUND_AS = {
    "blur": "blurry",
    "dark": "dark",
    "overexposed": "overexposed",
    "noise": "noisy",
    "compression": "compressed",
}
"""What each kind of spoilt photo should be told."""

MILD = 0.45
"""Severity below which a photo is mildly spoilt."""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--half", choices=("held-out", "tuned"), default="held-out")
    options = parser.parse_args()
    console = Console(width=110)

    reviews = pl.read_csv(options.catalog / "reviews" / "review_images.csv").join(
        pl.read_csv(options.catalog / "truth" / "reviews.csv"), on="review_id"
    )
    style = pl.col("product_id").str.replace(r"-[^-]*$", "")
    is_tuned = style.map_elements(
        lambda s: zlib.crc32(s.encode()) % 2 == 0, return_dtype=pl.Boolean
    )
    reviews = reviews.with_columns(
        is_tuned.alias("is_tuned"), pl.col("degraded_kind").fill_null("")
    )
    photos = reviews.filter(pl.col("is_tuned") == (options.half == "tuned"))
    scored = photos.hstack(score([options.catalog / url for url in photos["image_url"]]))

    uploaded = scored.filter(pl.col("degraded_kind") == "")
    console.print(
        f"{options.half}: {scored.height} photos of {photos.select(style).n_unique()} styles; of "
        f"{uploaded.height} as uploaded {share(uploaded, None)} have a problem: {tally(uploaded)}"
    )
    console.print(spoilt_table(scored))
    spoilt = scored.filter(pl.col("degraded_kind") != "")
    for name, rows in (("all photos", scored), ("spoilt photos", spoilt)):
        rank = spearmanr(rows["score"], rows["severity"]).statistic
        console.print(f"Spearman of score and severity, {name}: {rank:.2f}")

    if options.photos:
        held_out = reviews.filter(~pl.col("is_tuned"))["source_id"]
        made_from = {Path(source).name for source in held_out}
        files = [p for p in sorted(options.photos.glob("*/*.jpg")) if p.stem not in made_from]
        large = score(files)
        console.print(
            f"{large.height} larger photos as uploaded: {share(large, None)} have a problem: "
            f"{tally(large)}"
        )
    images = options.catalog / "truth" / "images.csv"
    if images.exists():
        console.print(supplier_table(options.catalog, pl.read_csv(images)))


def score(files: list[Path]) -> pl.DataFrame:
    """Score files; one that is no picture has a null score and the problem 'refused'."""
    rows = []
    for path in files:
        measured = measure_photo(path.read_bytes())
        if isinstance(measured, Undecodable):
            rows.append((None, ["refused"]))
            continue
        found = score_photo(measured, builtin_limits())
        rows.append((found.score, [problem.id for problem in found.problems]))
    return pl.DataFrame(
        rows, schema={"score": pl.Float64, "problems": pl.List(pl.String)}, orient="row"
    )


def share(rows: pl.DataFrame, problem: str | None) -> str:
    """Return the share of photos with a problem (with any, if None), in per cent."""
    if rows.is_empty():
        return "–"
    found = pl.col("problems").list
    has = found.len() > 0 if problem is None else found.contains(problem)
    return f"{100 * rows.select(has.mean()).item():.1f} %"


def tally(rows: pl.DataFrame) -> str:
    """Return how often each problem occurs."""
    counts = rows["problems"].explode().drop_nulls().value_counts(sort=True)
    return ", ".join(f"{name} {count}" for name, count in counts.iter_rows()) or "none"


def spoilt_table(scored: pl.DataFrame) -> Table:
    """Return what is found of each kind of spoilt photo."""
    table = Table(title="Told what is wrong with it; in brackets: told anything")
    for heading in ("kind", f"mild (severity < {MILD})", "severe", "Spearman with severity"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind, problem in FOUND_AS.items():
        of_kind = scored.filter(pl.col("degraded_kind") == kind)
        cells = []
        for is_mild in (True, False):
            rows = of_kind.filter((pl.col("severity") < MILD) == is_mild)
            cells.append(f"{share(rows, problem)} ({share(rows, None)}) of {rows.height}")
        rank = spearmanr(of_kind["score"], of_kind["severity"]).statistic
        table.add_row(kind, *cells, f"{rank:.2f}")
    return table


def supplier_table(catalog: Path, images: pl.DataFrame) -> Table:
    """Return what is said of suppliers' pictures, none of which a limit but too_far was set on."""
    table = Table(title="Suppliers' pictures, mostly on white")
    for heading in ("pictures", "number", "blurry", "too_far", "any problem"):
        table.add_column(heading, justify="left" if heading == "pictures" else "right")
    there = images.filter(
        pl.col("image_url").map_elements(lambda u: (catalog / u).exists(), return_dtype=pl.Boolean)
    )
    groups = {
        "usable": there.filter(pl.col("usable").cast(pl.String).str.to_lowercase() == "true"),
        "blurry": there.filter(pl.col("defects") == "blurry"),
        "small_object": there.filter(pl.col("defects") == "small_object"),
    }
    for name, rows in groups.items():
        scored = score([catalog / url for url in rows["image_url"]])
        cells = [share(scored, problem) for problem in ("blurry", "too_far", None)]
        table.add_row(name, str(scored.height), *cells)
    return table


if __name__ == "__main__":
    main()
