"""Measure rankers of review photos: on distortions they never saw, and against votes.

    python benchmarks/review_ranking.py CATALOG PHOTOS_DIR [--backbone FOLDER] [--nima FOLDER]

CATALOG holds studio images (`truth/images.csv`, `truth/products.csv`), styles split into 'train'
and 'test' (`labels/styles.csv`), and review photos with votes (`reviews/review_images.csv`,
`truth/reviews.csv`; its votes are SIMULATED). PHOTOS_DIR holds photos as people uploaded them, one
folder per class; those that a review photo was made from are left out. Rankers learn from images of
the train styles and a hashed half of the photos; every figure is of the others.

Features are kept in --work, so a second run measures no photo again. --random compares with a
backbone of NIMA of the same shape whose weights are random; its photos are measured anew.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from imgassets.learning.evaluation import place_of
from imgassets.learning.nima.fit import fit_head
from imgassets.learning.nima.head import NimaHead
from imgassets.learning.nima.heads import KINDS, Heads
from imgassets.learning.nima.targets import distortion_targets
from imgassets.learning.nima.training import matrices
from imgassets.learning.ranking.competition import Competition, Data, compete, ratings_of
from imgassets.learning.ranking.evaluation import ALL, HELD_OUT, UNSEEN_FAMILIES, baselines_of
from imgassets.learning.ranking.examples import SOURCE_SCHEMA, choose_sources, plan_examples
from imgassets.learning.ranking.training import draw
from imgassets.learning.synthetic.distortions import FAMILIES, TRAINED
from imgassets.operations.ranking_examples import example_rows
from imgassets.operations.rendered_examples import Renderer
from imgassets.reviews.baselines import BASELINES, RANKER
from imgassets.reviews.evaluation import SIMULATED, evaluate_against_engagement
from imgassets.reviews.prompt import AT_LIMIT, builtin_limits
from imgassets.reviews.weakness import weaknesses
from imgassets.settings import Settings
from imgassets.vision.photo_version import nima_version, photo_signals_version

CONSOLE = Console(width=190)


class Files:
    """Image files by the hash of their content, as an image store gives them."""

    def __init__(self) -> None:
        self.paths: dict[str, Path] = {}

    def add(self, path: Path) -> str:
        """Name a file; return its id."""
        image_id = hashlib.sha256(path.read_bytes()).hexdigest()
        self.paths[image_id] = path
        return image_id

    def get(self, image_id: str) -> bytes:
        """Return a file's bytes."""
        return self.paths[image_id].read_bytes()


def measured(
    ids: list[str], load: Callable[[str], bytes], settings: Settings, file: Path, what: str
) -> pl.DataFrame:
    """Return the photos' signals, from a file where they are kept; missing ones are added to it."""
    from imgassets.vision.photo_signals import photo_outcomes

    kept = [pl.read_parquet(part) for part in sorted(file.glob("*.parquet"))]
    present = set(pl.concat(kept)["image_id"]) if kept else set()
    missing = sorted(set(ids) - present)
    if missing:
        file.mkdir(parents=True, exist_ok=True)
        started, waiting, done = time.monotonic(), [], 0
        with Progress(console=CONSOLE, transient=True) as progress:
            bar = progress.add_task(what, total=len(missing))
            for outcomes in photo_outcomes(missing, load, settings):
                waiting.append(outcomes)
                done += outcomes.height
                progress.update(bar, completed=done)
                if sum(map(len, waiting)) >= 500 or done == len(missing):
                    kept.append(pl.concat(waiting))
                    kept[-1].write_parquet(file / f"{len(kept):05}.parquet")
                    waiting.clear()
        seconds = time.monotonic() - started
        CONSOLE.print(f"{what}: {len(missing)} photos in {seconds:.0f} s")
    return pl.concat(kept).filter(pl.col("image_id").is_in(ids)).sort("image_id")


def studio_sources(catalog: Path, files: Files) -> tuple[pl.DataFrame, set[str]]:
    """Return the distinct usable supplier images, and the styles that are held out."""
    styles = pl.read_csv(catalog / "labels" / "styles.csv").select("style", "split")
    products = pl.read_csv(catalog / "truth" / "products.csv").select("product_id", "style")
    images = (
        pl.read_csv(catalog / "truth" / "images.csv")
        .filter(pl.col("usable") & ~pl.col("is_duplicate"))
        .join(products, on="product_id")
        .join(styles, on="style")
        .sort("image_url")
    )
    ids = [files.add(catalog / url) for url in images["image_url"]]
    rows = images.select(
        pl.Series("image_id", ids), "category", group_id="style", origin=pl.lit("studio")
    )
    held = set(images.filter(pl.col("split") == "test")["style"])
    return rows.unique("image_id", keep="first", maintain_order=True), held


def photo_sources(
    folder: Path, catalog: Path, files: Files, seed: int
) -> tuple[pl.DataFrame, set[str]]:
    """Return people's photos that no review photo was made from; half of them are held out."""
    made_from = {
        Path(source).name for source in pl.read_csv(catalog / "truth" / "reviews.csv")["source_id"]
    }
    paths = [p for p in sorted(folder.glob("*/*.jpg")) if p.stem not in made_from]
    rows = pl.DataFrame(
        {
            "image_id": [files.add(path) for path in paths],
            "category": [path.parent.name for path in paths],
            "group_id": [path.stem for path in paths],
        }
    ).with_columns(origin=pl.lit("review"))
    return rows, {group for group in rows["group_id"] if place_of(group, seed) < 0.5}


def with_sizes(sources: pl.DataFrame, files: Files) -> pl.DataFrame:
    from PIL import Image, ImageOps

    sizes = []
    for image_id in sources["image_id"]:
        with Image.open(files.paths[image_id]) as image:
            sizes.append(ImageOps.exif_transpose(image).size)
    return sources.with_columns(pl.DataFrame(sizes, schema=["width", "height"], orient="row"))


def build_examples(
    catalog: Path, photos: Path, most: int, settings: Settings, work: Path
) -> tuple[pl.DataFrame, set[str]]:
    """Return examples with features, and the groups that are held out."""
    files = Files()
    studio, held_styles = studio_sources(catalog, files)
    review, held_photos = photo_sources(photos, catalog, files, settings.seed)
    version = photo_signals_version(settings)
    folder = work / hashlib.sha256(version.encode()).hexdigest()[:12]
    seen = measured(review["image_id"].to_list(), files.get, settings, folder / "photos", "photos")
    good = weaknesses(seen, builtin_limits())["rule_score"] >= AT_LIMIT
    review = review.join(seen.select("image_id", good=good), on="image_id")
    sources = pl.concat([studio.with_columns(good=pl.lit(True)), review], how="diagonal")
    sources = with_sizes(sources, files).select(
        pl.col(name).cast(dtype) for name, dtype in SOURCE_SCHEMA.items()
    )
    chosen = choose_sources(sources, most, settings.seed)
    held = held_styles | held_photos
    jobs = plan_examples(chosen, held, settings.seed, version)

    from imgassets.learning.ranking.rendering import fulfil, order

    def message(job: dict) -> bytes:
        data = files.get(job["source_image_id"])
        return order(data, job["family"], job["severity"], job["seed"])

    by_id = {row["example_id"]: row for row in jobs.to_dicts()}
    with Renderer(files, by_id, message, fulfil, settings.vision) as load:
        outcomes = measured(list(by_id), load, settings, folder / "examples", "examples")
    rows = example_rows(outcomes, jobs, chosen).sort("example_id")
    CONSOLE.print(
        f"{chosen.height} sources ({chosen.filter(pl.col('origin') == 'studio').height} studio, "
        f"{chosen.filter(~pl.col('good')).height} bad photos), {rows.height} examples; "
        f"{chosen.filter(pl.col('group_id').is_in(held)).height} sources held out"
    )
    return rows, held


def train_heads(examples: pl.DataFrame, held: set[str], settings: Settings) -> Heads:
    """Train NIMA's heads on the training part's distortions, as `imgassets train nima` does."""
    train = examples.filter(~pl.col("group_id").is_in(list(held)))
    version = nima_version(settings)
    heads: dict[str, NimaHead | None] = {}
    for kind in KINDS:
        rows = distortion_targets(kind, train, version).rows
        x, y = matrices(rows)
        fitted = fit_head(x, y, rows["group_id"].to_list(), settings.seed)
        heads[kind] = NimaHead(kind, fitted.weight, fitted.bias, version, length=x.shape[1])
    return Heads(heads, {kind: f"nima_{kind}" for kind in KINDS})


def random_backbone(model: str, folder: Path, seed: int) -> Path:
    """Write a backbone of a model's shape with random weights."""
    import shutil

    import torch
    from transformers import AutoConfig, AutoModel

    if not folder.is_dir():
        torch.manual_seed(seed)
        AutoModel.from_config(AutoConfig.from_pretrained(model)).save_pretrained(folder)
        for name in ("preprocessor_config.json",):
            shutil.copy(Path(model) / name, folder / name)
    return folder


def run(options: argparse.Namespace, settings: Settings, title: str) -> tuple[Data, Competition]:
    """Build examples, train and measure with one backbone of NIMA."""
    most = 60 if options.quick else options.sources
    examples, held = build_examples(options.catalog, options.photos, most, settings, options.work)
    if options.quick:
        ranking = settings.ranking.model_copy(update={"pairs": 2000, "epochs": 6})
        settings = settings.model_copy(update={"ranking": ranking})
    started = time.monotonic()
    heads = train_heads(examples, held, settings)
    data = Data(
        examples, held, heads, builtin_limits(), settings.ranking, settings.seed,
        photo_signals_version(settings),
    )  # fmt: skip
    with Progress(console=CONSOLE, transient=True) as progress:
        bar = progress.add_task("fits")
        found = compete(
            data, progress=lambda done, total: progress.update(bar, completed=done, total=total)
        )
    CONSOLE.print(
        f"{title}: {found.model.approach} was chosen of "
        + ", ".join(f"{n} {v:.3f}" for n, v in found.model.info["compared"].items())
        + f" (mean accuracy on trained families left out); {time.monotonic() - started:.0f} s"
    )
    return data, found


def interval(row: dict) -> str:
    """Return a value with its interval, for a table."""
    if row["value"] is None:
        return "–"
    if row["lower"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({row['lower']:.3f} … {row['upper']:.3f})"


def accuracy_table(found: Competition, dataset: str, title: str) -> Table:
    """Return pairwise accuracy: a row per slice, a column per method."""
    rows = found.evaluations.filter(
        pl.col("dataset") == dataset, ~pl.col("slice").str.contains(", severity")
    )
    methods = [RANKER, *found.model.info["compared"], *BASELINES]
    table = Table(title=title)
    for name in ("", "n", *methods):
        table.add_column(name, justify="left" if not name else "right")
    for part in rows["slice"].unique(maintain_order=True):
        of = {row["method"]: row for row in rows.filter(pl.col("slice") == part).to_dicts()}
        cells = [
            interval(of[m]) if m == RANKER or part == ALL else interval({**of[m], "lower": None})
            for m in methods
        ]
        table.add_row(part, str(of[RANKER]["n"]), *cells)
    return table


def matrix_table(found: Competition) -> Table:
    """Return what a ranker knows of each family when it was trained without one."""
    table = Table(title=f"{found.model.approach} trained without one family: pairs in order")
    table.add_column("family")
    rows = list(found.ablation["without"].unique(maintain_order=True))
    for name in rows:
        table.add_column(f"without {name}" if name else "with all", justify="right")
    known = {(r["without"], r["family"]): r["accuracy"] for r in found.ablation.to_dicts()}
    for family in FAMILIES:
        cells = [known.get((without, family)) for without in rows]
        marked = family if family in TRAINED else f"{family} (unseen)"
        table.add_row(marked, *("–" if c is None else f"{c:.3f}" for c in cells))
    return table


def votes_table(options: argparse.Namespace, settings: Settings, data: Data, found: Competition):
    """Return agreement with the (simulated) votes of the catalog's review photos."""
    files = Files()
    reviews = pl.read_csv(options.catalog / "reviews" / "review_images.csv")
    products = pl.read_csv(options.catalog / "truth" / "products.csv").select("product_id", "style")
    ids = [files.add(options.catalog / url) for url in reviews["image_url"]]
    reviews = reviews.with_columns(pl.Series("image_id", ids)).join(products, on="product_id")
    version = photo_signals_version(settings)
    folder = options.work / hashlib.sha256(version.encode()).hexdigest()[:12]
    seen = measured(ids, files.get, settings, folder / "reviews", "review photos")
    scores = {RANKER: found.model.scores(seen)}
    scores |= baselines_of(seen, ratings_of(data.heads, seen), data.limits, data.seed)
    known = {name: values for name, values in scores.items() if values is not None}
    photos = reviews.join(
        seen.select("image_id").with_columns(**{n: pl.Series(v) for n, v in known.items()}),
        on="image_id",
    )
    result = evaluate_against_engagement(
        photos, list(known), model_version="benchmark", seed=data.seed, note=SIMULATED
    )
    table = Table(title=f"{result.n} review photos against votes ({SIMULATED.upper()})")
    for name in ("method", "Pearson", "Spearman", "pairwise accuracy"):
        table.add_column(name)
    rows = result.rows.filter(pl.col("slice") == ALL).to_dicts()
    for method in known:
        of = {row["measure"]: row for row in rows if row["method"] == method}
        measures = ("pearson", "spearman", "pairwise_accuracy")
        table.add_row(method, *(interval(of[m]) for m in measures))
    return table


def report(options: argparse.Namespace, settings: Settings, title: str) -> None:
    """Run with one backbone and print every table."""
    data, found = run(options, settings, title)
    CONSOLE.print(accuracy_table(found, UNSEEN_FAMILIES, f"{title}: families never trained on"))
    CONSOLE.print(accuracy_table(found, HELD_OUT, f"{title}: held-out pairs"))
    CONSOLE.print(matrix_table(found))
    CONSOLE.print(votes_table(options, settings, data, found))
    for name, png in draw(data, found).items():
        (options.work / f"{title.replace(' ', '_')}_{name}.png").write_bytes(png)
    for note in found.notes:
        CONSOLE.print(note)


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--backbone", default="", help="general backbone; default: the embedded")
    parser.add_argument("--nima", default="", help="backbone of NIMA; default: the general one")
    parser.add_argument("--random", action="store_true", help="a random backbone of NIMA, too")
    parser.add_argument("--work", type=Path, default=Path(".imgassets/review_ranking"))
    parser.add_argument("--sources", type=int, default=400, help="good images to distort")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few sources, pairs and epochs")
    return parser.parse_args()


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    settings = Settings(seed=options.seed)
    if options.backbone:
        vision = settings.vision.model_copy(update={"backbone": options.backbone})
        settings = settings.model_copy(update={"vision": vision})
    titles = {"pretrained": options.nima}
    if options.random:
        shape = options.nima or options.backbone
        if not shape:
            raise SystemExit("--random needs --nima FOLDER: the shape of the random backbone")
        titles["random weights"] = str(
            random_backbone(shape, options.work / "random_backbone", options.seed)
        )
    for title, nima in titles.items():
        ranking = settings.ranking.model_copy(update={"nima_backbone": nima})
        report(options, settings.model_copy(update={"ranking": ranking}), title)


if __name__ == "__main__":
    main()
