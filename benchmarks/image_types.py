"""Measure image types on a labelled catalog: approaches, backbones, scopes, and few labels.

    python benchmarks/image_types.py CATALOG_DIR [--backbone B …] [--block] [--curve]

CATALOG_DIR holds `labels/image_types.csv` (labels to learn from, of the styles of the split
'train'), `labels/styles.csv` (each style's split) and `truth/images.csv` (the answer for every
image). B is 'embedded', a folder or a Hugging Face id. Everything is chosen on the labels alone
(parts of them held out in turn); the other styles are answered once, by what was chosen.

Printed for every backbone: each approach trained on all labels, on the other styles (accuracy and
macro-F1 of front, back and close-up; images whose supplier says nothing of a defect, and all that
decode); what the pipeline would answer (the best approach, category by category where a category's
own model beat the wider one), by category; and how sure answers were.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from imgassets.learning.evaluation import evaluate
from imgassets.learning.image_types import train_types
from imgassets.learning.labels import read_labels
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_approaches import compare_approaches, comparison_table
from imgassets.learning.type_fit import fit_logistic, fit_shallow
from imgassets.learning.type_models import TypeModels, load_type_models, predict_types
from imgassets.learning.type_scopes import GLOBAL, Scope, in_scope, verticals_of
from imgassets.settings import LearningSettings, Settings, TypeSettings, VisionSettings
from imgassets.vision.backbones import EMBEDDED, load_backbone
from imgassets.vision.decode import Undecodable, decode
from imgassets.vision.inputs import prepare
from imgassets.warehouse.contract import UNSURE

VIEWS = ("front", "back", "closeup")
CURVE = (10, 30, 100, 300)
DRAWS = 5
_ASKED = pl.col("usable") & (pl.col("view") != "side")
"""No label teaches side views."""


class Seen(NamedTuple):
    """A catalog as one backbone sees it: a row per image that decodes, and their squares."""

    images: pl.DataFrame
    squares: np.ndarray


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--backbone", action="append", help="may be repeated; default: embedded")
    parser.add_argument("--block", action="store_true", help="retrain last blocks, too")
    parser.add_argument("--curve", action="store_true", help="also macro-F1 by number of labels")
    options = parser.parse_args()
    for backbone in options.backbone or [EMBEDDED]:
        run(options.catalog, backbone, options.block, options.curve)


def run(catalog: Path, backbone: str, block: bool, curve: bool) -> None:
    """Print everything about one backbone."""
    settings = Settings(
        vision=VisionSettings(backbone=backbone),  # type: ignore[call-arg]
        learning=LearningSettings(retrain_block=block),  # type: ignore[call-arg]
    )
    seen = see(catalog, settings)
    labelled = seen.images.filter(pl.col("label").is_not_null()).with_columns(image_type="label")
    labelled = labelled.unique(["product_id", "image_id"], keep="first", maintain_order=True).sort(
        "product_id", "image_id"
    )
    test = seen.images.filter(split="test")
    print(
        f"\n# {Path(backbone).name}: {labelled.height} labelled images, {test.height} of other "
        "styles\n",
        flush=True,
    )
    approaches(seen, labelled, test, settings, block)
    scopes(seen, labelled, test, settings)
    if curve:
        learning_curve(labelled, test)


def see(catalog: Path, settings: Settings) -> Seen:
    """Decode and embed every image that decodes."""
    backbone = load_backbone(settings.vision)
    ids, squares, kept = [], [], []
    rows = read_catalog(catalog)
    for url in rows["image_url"]:
        try:
            content = (catalog / url).read_bytes()
            squares.append(prepare(decode(content), backbone.input))
            ids.append(hashlib.sha256(content).hexdigest())
            kept.append(True)
        except (OSError, Undecodable):
            kept.append(False)
    stacked = np.stack(squares)
    embeddings = backbone.embed(stacked)
    images = rows.filter(pl.Series(kept)).with_columns(
        image_id=pl.Series(ids),
        embedding=pl.Series(embeddings.tolist(), dtype=pl.List(pl.Float32)),
        at=pl.int_range(pl.len()),
    )
    return Seen(images, stacked)


def read_catalog(catalog: Path) -> pl.DataFrame:
    """Return one row per image: truth, split, and the label where there is one."""
    truth = pl.read_csv(catalog / "truth" / "images.csv", infer_schema=False)
    products = pl.read_csv(catalog / "truth" / "products.csv", infer_schema=False)
    styles = pl.read_csv(catalog / "labels" / "styles.csv", infer_schema=False)
    labels = read_labels(catalog / "labels" / "image_types.csv")
    return (
        truth.select(
            "image_url", "product_id", "category", "view", usable=pl.col("usable") == "true"
        )
        .join(products.select("product_id", group_id="style"), on="product_id")
        .join(styles.select(group_id="style", split="split"), on="group_id")
        .join(labels.select("image_url", label="image_type"), on="image_url", how="left")
    )


def approaches(
    seen: Seen, labelled: pl.DataFrame, test: pl.DataFrame, settings: Settings, block: bool
) -> None:
    """Print each approach, trained on all labels together."""
    matrix = np.array(labelled["embedding"].to_list(), np.float32)
    candidates, fits = compare_approaches(
        labelled,
        matrix,
        settings,
        "here",
        (lambda images: seen.squares[images["at"].to_numpy()]) if block else None,
    )
    print("labels held out in turn:")
    for row in comparison_table(candidates).to_dicts():
        print(
            f"  {row['approach']:<16} n {row['n']:4}  accuracy {row['accuracy']:.4f}  macro-F1 "
            f"{row['macro_f1']:.4f}  calibration error {row['raw_ece']:.3f} → {row['ece']:.3f}"
        )
    print("other styles:")
    answered = test
    for name, fit in fits.items():
        started = time.monotonic()
        model = fit()
        if hasattr(model, "block"):
            p = model.predict_proba(seen.squares[test["at"].to_numpy()])
        else:
            x = np.array(test["embedding"].to_list(), np.float32)
            p = model.predict_proba(x, test["category"].to_list())
        answers = np.array(model.classes)[p.argmax(axis=1)]
        report(name, test, answers, f"{time.monotonic() - started:.0f} s")
        answered = answered.with_columns(pl.Series(name, answers))
    print(f"by category, usable images, accuracy / macro-F1: {', '.join(fits)}")
    for category, part in _by_category(answered):
        found = [evaluate(part["view"].to_list(), part[name].to_list(), VIEWS) for name in fits]
        scores = "   ".join(f"{each.accuracy:.3f} / {each.macro_f1:.3f}" for each in found)
        print(f"  {category:<18} {scores}   of {part.height}")


def scopes(seen: Seen, labelled: pl.DataFrame, test: pl.DataFrame, settings: Settings) -> None:
    """Print what the pipeline answers: the model of all, of verticals, of categories."""
    vertical = pl.col("category").str.extract("^(mens|womens)-").fill_null("gear")
    categories = (
        labelled.select("category")
        .unique()
        .sort("category")
        .with_columns(vertical=vertical, types=pl.lit([], dtype=pl.List(pl.String)))
    )
    heads = settings.model_copy(
        update={"learning": settings.learning.model_copy(update={"retrain_block": False})}
    )
    wanted = [GLOBAL]
    wanted += [Scope("vertical", v) for v in categories["vertical"].unique().sort()]
    wanted += [Scope("category", c) for c in categories["category"]]
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch, "mlflow.db")
        store.touch()
        registry = ModelRegistry(f"sqlite:///{store}", Path(scratch, "artifacts"))
        print("scopes (a wider model answers until one beats it on the same held-out labels):")
        for scope in wanted:
            part = in_scope(labelled, scope, categories)
            if part.height < settings.types.min_labels:
                continue
            wider = []
            if scope.kind == "category":
                wider = [Scope("vertical", verticals_of(categories)[scope.name] or "")]
            try:
                done = train_types(
                    scope, part, registry, heads,
                    snapshot_id=0, signals_version="here",
                    wider=[*wider, GLOBAL] if scope != GLOBAL else [],
                )  # fmt: skip
            except ValueError as error:
                print(f"  {scope!s:<30} {error}")
                continue
            print(f"  {scope!s:<30} {part.height:4} labels, {done.approach}: {done.explanation}")
        models = load_type_models(registry, categories, categories["category"], "here")
    key = ["product_id", "image_id"]  # two suppliers may send the same picture
    day = test.unique(key, keep="first", maintain_order=True).with_columns(day=pl.date(2026, 1, 5))
    by_scope = {
        "the model of all": TypeModels({GLOBAL: models.by_scope[GLOBAL]}, categories),
        "the closest models": models,
    }
    for name, answering in by_scope.items():
        typed = predict_types(day, answering, TypeSettings())  # type: ignore[call-arg]
        answered = test.join(
            typed.select(*key, "best_guess", "image_type", "answered_by"),
            on=key, how="left", maintain_order="left",
        )  # fmt: skip
        report(name, test, answered["best_guess"].to_numpy(), "")
    by_category(answered)


def report(name: str, test: pl.DataFrame, answers: np.ndarray, extra: str) -> None:
    """Print measures of the usable images (but side views, which no label teaches) and of all."""
    truth, usable = test["view"].to_numpy(), test["usable"].to_numpy()
    known = usable & (truth != "side")
    parts = []
    for rows in (known, np.ones(len(truth), bool)):
        found = evaluate(list(truth[rows]), list(answers[rows]), VIEWS)
        parts.append(f"{found.accuracy:.4f} / {found.macro_f1:.4f} of {found.n}")
    print(f"  {name:<18} usable {parts[0]}   all {parts[1]}   {extra}", flush=True)


def by_category(answered: pl.DataFrame) -> None:
    """Print accuracy and macro-F1 by category, and what the limit for 'unsure' does."""
    joined = answered.with_columns(
        answer="best_guess", sure=pl.col("image_type") != UNSURE, by="answered_by"
    )
    print("by category, usable images, accuracy / macro-F1: the closest models")
    for category, part in _by_category(joined):
        found = evaluate(part["view"].to_list(), part["answer"].to_list(), VIEWS)
        print(
            f"  {category!s:<20} {found.accuracy:.3f} / {found.macro_f1:.3f} of {found.n:3}  "
            f"{part['by'][0]}"
        )
    joined = joined.filter(_ASKED)
    right = pl.col("view") == pl.col("answer")
    sure, unsure = joined.filter("sure"), joined.filter(~pl.col("sure"))
    print(
        f"  sure: {sure.height}, accuracy {sure.select(right.mean()).item():.4f}; unsure: "
        f"{unsure.height}, best guess right in {unsure.filter(right).height}"
    )


def _by_category(test: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Return each category and its images that are asked."""
    found = test.filter(_ASKED).group_by("category")
    return sorted(((str(category), part) for (category,), part in found), key=lambda pair: pair[0])


def learning_curve(labelled: pl.DataFrame, test: pl.DataFrame) -> None:
    """Print macro-F1 on the other styles by number of labels, a mean over draws of whole styles.

    A category has 35 labels here on average, so that 100 and 300 are only had of all categories
    together; 10 and 30 are given both ways.
    """
    usable = test.filter(_ASKED)
    print("learning curve: macro-F1 on other styles (logistic, shallow network)")
    for n in CURVE:
        print(f"  {n:3} labels of all categories together: {_drawn(labelled, usable, n)}")
    for n in CURVE[:2]:
        scores = []
        for (category,), part in labelled.group_by("category", maintain_order=True):
            of = usable.filter(pl.col("category") == category)
            if part.height >= n and of.height >= 10:
                scores += _curve_scores(part, of, n)
        means = np.mean(scores, axis=0) if scores else [float("nan")] * 2
        print(f"  {n:3} labels of one category, that category: {means[0]:.3f}, {means[1]:.3f}")


def _drawn(labelled: pl.DataFrame, usable: pl.DataFrame, n: int) -> str:
    scores = np.array(_curve_scores(labelled, usable, n))
    return ", ".join(
        f"{m:.3f} ± {s:.3f}" for m, s in zip(scores.mean(0), scores.std(0), strict=True)
    )


def _curve_scores(labelled: pl.DataFrame, usable: pl.DataFrame, n: int) -> list[list[float]]:
    """Return [logistic, shallow network] of each draw of n labels that can be learnt from."""
    rows = []
    x_test = np.array(usable["embedding"].to_list(), np.float32)
    for draw in range(DRAWS):
        some = labelled.sample(n=min(n, labelled.height), seed=draw, shuffle=True)
        x = np.array(some["embedding"].to_list(), np.float32)
        columns = [some[name].to_list() for name in ("image_type", "category", "group_id")]
        try:
            nets = [fit_logistic(x, *columns), fit_shallow(x, *columns[:2])]
        except ValueError:
            continue
        scores = []
        for net in nets:
            p = net.predict_proba(x_test, usable["category"].to_list())
            answers = [net.classes[i] for i in p.argmax(axis=1)]
            scores.append(evaluate(usable["view"].to_list(), answers, VIEWS).macro_f1)
        rows.append(scores)
    return rows


if __name__ == "__main__":
    main()
