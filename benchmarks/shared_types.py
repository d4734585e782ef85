"""Types that every category shares: drawn layouts never seen, real catalogs, people in real photos.

    python benchmarks/shared_types.py CATALOG [--backbone NAME_OR_FOLDER …] [--shared FOLDER]
        [--sources 60] [--held-out 40] [--seed 0]

Examples are drawn from products of CATALOG's training styles and, to be tested on, of its others.
Each head is measured on the drawn examples of the other styles; again with each kind of drawing
left out of the training in turn and asked about alone, which is what a shop's own layouts are to
it; and by its false alarms on the other styles' real images. Then people: heads that learnt from
drawn scenes, from people's answers (tests/learning/data/people.csv) or from both are asked whether
a garment is worn, on pictures of other files, and on the catalog's. Heads are logistic regressions.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from imgassets.learning.augmentation import all_kinds, deal_kinds, pick_sources, plan_examples
from imgassets.learning.features import feature_matrix
from imgassets.learning.flag_model import FlagModel
from imgassets.learning.flag_training import train_heads
from imgassets.learning.limits import measures
from imgassets.learning.shared_types import GROUP
from imgassets.learning.synthetic import DEFECTS, SYNTHETIC_VERSION
from imgassets.learning.synthetic.orders import fulfil, order
from imgassets.moderation.flags import Flag, builtin_flags
from imgassets.settings import LearningSettings, ReviewSettings, VisionSettings
from imgassets.vision.engine import compute_signals

PEOPLE = Path(__file__).parent.parent / "tests" / "learning" / "data" / "people.csv"

NOT_APPAREL = ("bags", "watches", "fitness-equipment")
"""Categories of the catalog whose products nobody wears in its pictures."""

LEARNING, REVIEW = LearningSettings(), ReviewSettings()


class Material(NamedTuple):
    """Pictures to judge and what is known of them.

    Attributes:
        frame: image_id, group_id, part ('train' or 'test'), origin ('synthetic', 'catalog' or a
            folder), flag (of a drawing), kind, value (worn by a person; null: not asked).
        load: image_id → the file's bytes.
    """

    frame: pl.DataFrame
    load: Mapping[str, bytes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--backbone", nargs="+", default=["embedded"])
    parser.add_argument("--shared", type=Path, help="where the folders of people.csv are")
    parser.add_argument("--sources", type=int, default=60, help="images to draw from, for training")
    parser.add_argument("--held-out", type=int, default=40, help="likewise, to test on")
    parser.add_argument("--most", type=int, default=10_000, help="real images of any one folder")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    console = Console(width=120)
    parts = [catalog_and_drawings(arguments)]
    if arguments.shared:
        parts.append(people(arguments.shared, arguments.most, arguments.seed))
    material = Material(
        pl.concat([part.frame for part in parts]),
        {key: data for part in parts for key, data in part.load.items()},
    )
    counts = material.frame.group_by("origin", "part").len().sort("origin", "part")
    console.print("pictures: " + ", ".join(f"{o} {p} {n}" for o, p, n in counts.iter_rows()))
    for backbone in arguments.backbone:
        vision = VisionSettings(backbone=backbone)
        ids = material.frame["image_id"].to_list()
        signals = compute_signals(ids, material.load.__getitem__, vision).signals
        frame = material.frame.join(signals, on="image_id").sort("image_id")
        console.rule(Path(backbone).name)
        if arguments.shared:
            show_people(frame, arguments.seed, console)
        show_heads(frame, arguments.seed, console)


def catalog_and_drawings(arguments: argparse.Namespace) -> Material:
    """Return the catalog's usable images, and what is drawn from some of them."""
    catalog, most, seed = arguments.catalog, arguments.most, arguments.seed
    images = pl.read_csv(catalog / "truth" / "images.csv", infer_schema=False)
    styles = pl.read_csv(catalog / "labels" / "styles.csv", infer_schema=False)
    products = pl.read_csv(catalog / "truth" / "products.csv", infer_schema=False)
    rows = (
        images.filter(pl.col("usable") == "true")
        .join(products.select("product_id", "style"), on="product_id")
        .join(styles.select("style", "split"), on="style")
        .sort("image_url")
        .unique(["product_id", "source_id"], keep="first", maintain_order=True)
        .with_columns(image_id=pl.col("image_url").map_elements(digest, return_dtype=pl.String))
    )
    load = {
        i: (catalog / url).read_bytes() for i, url in rows.select("image_id", "image_url").rows()
    }
    is_gear, is_view = pl.col("category").is_in(NOT_APPAREL), pl.col("view") != "closeup"
    known = rows.select(
        "image_id",
        group_id="style",
        part="split",
        origin=pl.lit("catalog"),
        flag=pl.lit(""),
        kind=pl.lit(""),
        # Of a close-up nobody can say it in general.
        value=pl.when(is_gear).then(pl.lit(False)).when(is_view).then(pl.lit(True)),
    )
    turn = pl.int_range(pl.len()).over("part")
    frames = [known.sort("image_id").filter(turn < most)]
    for part, most in (("train", arguments.sources), ("test", arguments.held_out)):
        chosen = pick_sources(
            rows.filter(pl.col("split") == part).select("image_id", "category"), most, seed
        )["image_id"].to_list()
        jobs = drawings(rows, chosen, seed)
        load |= draw(jobs, load)
        about = rows.select("image_id", group_id="style")
        frames.append(
            jobs.join(about, on="image_id").select(
                image_id="example_id",
                group_id="group_id",
                part=pl.lit(part),
                origin=pl.lit("synthetic"),
                flag=pl.col("defect").replace_strict({n: d.flag for n, d in DEFECTS.items()}),
                kind="defect",
                value=pl.lit(None, pl.Boolean),
            )
        )
    return Material(pl.concat(frames), load)


def drawings(rows: pl.DataFrame, sources: list[str], seed: int) -> pl.DataFrame:
    """Plan every kind of the shared types once per source, and three other drawings."""
    types = shared()
    own = {kind for flag in types.values() for kind in flag.defects}
    siblings = {
        source: rows.filter(
            (pl.col("product_id") == product) & (pl.col("image_id") != source)
        )["image_id"].to_list()
        for source, product in rows.select("image_id", "product_id").rows()
        if source in set(sources)
    }  # fmt: skip
    plans = [
        plan_examples(sources, {defect.flag: 1}, seed + number, {defect.name: 1e9}, 0, siblings)
        for number, defect in enumerate(DEFECTS.values())
        if defect.flag in own
    ]
    others = [kind for kind in all_kinds() if kind not in own]
    for number in range(3):
        for kind, dealt in deal_kinds(sources, others, seed + number).items():
            plans.append(plan_examples(dealt, {kind: 1}, seed + number))
    return pl.concat(plans).unique("example_id", keep="first").sort("example_id")


def draw(jobs: pl.DataFrame, load: Mapping[str, bytes]) -> dict[str, bytes]:
    """Make the drawings, in two processes."""
    orders = [
        order(load[job["image_id"]], job["defect"], job["severity"], job["seed"],
              [load[other] for other in job["others"]])
        for job in jobs.to_dicts()
    ]  # fmt: skip
    with ProcessPoolExecutor(2) as pool:
        made = pool.map(fulfil, orders, chunksize=16)
        return dict(zip(jobs["example_id"], made, strict=True))


def people(shared_folder: Path, most: int, seed: int) -> Material:
    """Return the judged pictures; half of `fashion` and all of `clothing` are held out."""
    judged = pl.read_csv(PEOPLE).with_columns(path=pl.col("folder") + "/" + pl.col("file"))
    rows = judged.with_columns(
        image_id=pl.col("path").map_elements(digest, return_dtype=pl.String),
        place=pl.col("path").map_elements(lambda p: digest(f"{seed}:{p}"), return_dtype=pl.String),
    )
    rows = rows.sort("place").filter(pl.int_range(pl.len()).over("folder") < most)
    second = pl.col("place").str.slice(1, 1) < "8"
    held = second & (pl.col("folder") == "fashion/images")
    held |= pl.col("folder") == "photos/clothing"
    frame = rows.select(
        "image_id",
        group_id="path",
        part=pl.when(held).then(pl.lit("test")).otherwise(pl.lit("train")),
        origin="folder",
        flag=pl.lit(""),
        kind=pl.lit(""),
        value=pl.col("value") == "yes",
    )
    paths = dict(rows.select("image_id", "path").iter_rows())
    return Material(
        frame, {key: (shared_folder / path).read_bytes() for key, path in paths.items()}
    )


def digest(text: str) -> str:
    return hashlib.sha256(f"{SYNTHETIC_VERSION}:{text}".encode()).hexdigest()


def shared() -> dict[str, Flag]:
    return {i: flag for i, flag in builtin_flags().items() if flag.group == GROUP}


def show_heads(frame: pl.DataFrame, seed: int, console: Console) -> None:
    """Print each head's F1 on drawn examples, kinds known and not, and its false alarms."""
    table = Table("type", "tested on", "drawn", "precision", "recall", "F1", "false alarms, real")
    for flag in shared().values():
        verdicts = {kind: flag.deserved_by(kind) for kind in all_kinds()}
        examples = (
            frame.filter(pl.col("origin").is_in(["catalog", "synthetic"]))
            .with_columns(
                value=pl.col("flag").replace_strict(verdicts, return_dtype=pl.Boolean),
                origin=pl.when(pl.col("origin") == "catalog")
                .then(pl.lit("presumed"))
                .otherwise("origin"),
            )
            .drop_nulls("value")
        )
        train, test = (examples.filter(pl.col("part") == part) for part in ("train", "test"))
        row(table, flag.id, "all kinds, other styles", head(flag.id, train, seed), test)
        found = []
        for kind in sorted(test.filter("value")["kind"].unique()):
            unseen = (pl.col("kind") == kind) | ~pl.col("value")
            model = head(flag.id, train.filter(pl.col("kind") != kind), seed)
            found.append(row(table, "", f"{kind}, never seen", model, test.filter(unseen)))
        means = [f"{value:.3f}" for value in np.mean(found, axis=0)]
        table.add_row("", "mean of kinds never seen", "", *means, "", end_section=True)
    console.print(table)


def row(
    table: Table, name: str, tested: str, model: FlagModel, test: pl.DataFrame
) -> tuple[float, float, float]:
    """Add what a head answers at the limit from which it types an image."""
    said = model.predict_proba(feature_matrix(test)) >= model.limits["reject"]
    truth, real = test["value"].to_numpy(), (test["origin"] != "synthetic").to_numpy()
    found = measures(truth, said, real)
    numbers = (found.precision, found.recall, found.f1)
    alarms = f"{int(np.sum(said & real))} of {int(real.sum())} ({found.false_discards:.2%})"
    drawn = str(int(truth.sum()))
    table.add_row(name, tested, drawn, *(f"{value:.3f}" for value in numbers), alarms)
    return numbers


def head(flag: str, train: pl.DataFrame, seed: int) -> FlagModel:
    model = train_heads(flag, train, LEARNING, REVIEW, seed, only="logistic")[0].model
    assert isinstance(model, FlagModel)
    return model


def show_people(frame: pl.DataFrame, seed: int, console: Console) -> None:
    """Print how well heads find worn garments."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    lifestyle = shared()["lifestyle"]
    drawn = (
        frame.filter((pl.col("origin") == "synthetic") & (pl.col("part") == "train"))
        .with_columns(
            value=pl.col("flag").replace_strict(
                {kind: lifestyle.deserved_by(kind) for kind in all_kinds()}, return_dtype=pl.Boolean
            )
        )
        .drop_nulls("value")
    )
    # Catalog images are no negatives here: most are worn.
    labels = frame.filter(
        (pl.col("part") == "train") & ~pl.col("origin").is_in(["catalog", "synthetic"])
    )
    catalog = frame.filter((pl.col("origin") == "catalog") & (pl.col("part") == "train"))
    gear = catalog.filter(pl.col("value") == False)  # noqa: E712  an expression
    trainings = {
        "drawn scenes": pl.concat([drawn, gear]),
        "answers": labels,
        "drawn scenes and answers": pl.concat([drawn, labels, gear]),
    }
    held = frame.filter((pl.col("part") == "test") & (pl.col("origin") != "synthetic"))
    held = held.drop_nulls("value")
    outside = pl.col("origin").str.starts_with("photos/")
    fashion, catalog_ = pl.col("origin") == "fashion/images", pl.col("origin") == "catalog"
    tests: dict[str, Callable[[], pl.DataFrame]] = {
        "fashion, other files": lambda: held.filter(fashion),
        "worn on white against photos on floors": lambda: held.filter(fashion | outside),
        "catalog, other styles": lambda: held.filter(catalog_),
    }
    table = Table("learnt from", "tested on", "worn / not", "AUC", "PR area", "precision", "recall",
                  "F1", "at reject: P / R")  # fmt: skip
    for learnt, train in trainings.items():
        model = head("lifestyle", train, seed)
        for tested, take in tests.items():
            test = take()
            truth = test["value"].to_numpy()
            p = model.predict_proba(feature_matrix(test))
            real = np.ones(len(truth), bool)
            found = measures(truth, p >= model.limits["flag"], real)
            sure = measures(truth, p >= model.limits["reject"], real)
            table.add_row(
                learnt,
                tested,
                f"{truth.sum()} / {(~truth).sum()}",
                f"{roc_auc_score(truth, p):.3f}",
                f"{average_precision_score(truth, p):.3f}",
                *(f"{value:.3f}" for value in (found.precision, found.recall, found.f1)),
                f"{sure.precision:.2f} / {sure.recall:.2f}",
            )
    console.print(table)


if __name__ == "__main__":
    main()
