"""Table I of paper A, on weapons: which approach finds a rare class from few examples.

    python benchmarks/weapons.py CATALOG --backbone FOLDER [--photos FOLDER …] [--negatives 600]

Positives are the catalog's weapon images, negatives its other images and photos of other folders.
Embeddings with logistic regression, embeddings with a random forest, and the backbone's retrained
last block answer every image out of fold (folds never split a style); each is measured at its limit
of best F1. Figures are relative to the best, as in the paper; absolute ones stand beside them.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from imgassets.learning.block_model import answer, fit
from imgassets.learning.features import feature_matrix
from imgassets.learning.heads import FOLDS, best_variant, candidates
from imgassets.learning.limits import choose_limits, measures
from imgassets.operations.pixels import load_squares
from imgassets.settings import VisionSettings
from imgassets.vision.engine import compute_signals
from imgassets.vision.last_block import load_last_block

PARTS = ("precision", "recall", "f1")

BLOCK_FOLDS = 3
"""Each fold is a training of the block."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--photos", type=Path, nargs="*", default=[])
    parser.add_argument("--negatives", type=int, default=600, help="of each source, at most")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    vision = VisionSettings(backbone=arguments.backbone)
    paths, weapon, group = examples(arguments)
    load = {image_id: path.read_bytes for image_id, path in paths.items()}

    signals = compute_signals(list(paths), lambda i: load[i](), vision).signals.sort("image_id")
    ids = signals["image_id"].to_list()
    y = np.array([weapon[i] for i in ids])
    groups = [group[i] for i in ids]
    x = feature_matrix(signals)
    console = Console(width=110)
    console.print(f"{y.sum()} weapons, {(~y).sum()} other images, {len(set(groups))} groups")
    answers = {
        name: best_variant(variants, x, y, groups, arguments.seed)[1]
        for name, variants in candidates(x, arguments.seed).items()
    }
    squares = load_squares(ids, lambda i: load[i](), vision, load_last_block(vision).input)
    answers["retrained block"] = by_block(squares, y, groups, vision, arguments.seed)
    show(answers, y, console)


def examples(arguments: argparse.Namespace) -> tuple[dict, dict, dict]:
    """Return path, truth and group of every image, by a hash of its path."""
    catalog, rng = arguments.catalog, np.random.default_rng(arguments.seed)
    truth = pl.read_csv(catalog / "truth" / "images.csv", infer_schema=False).join(
        pl.read_csv(catalog / "truth" / "products.csv", infer_schema=False).select(
            "product_id", "style"
        ),
        on="product_id",
    )
    broken = pl.col("defects").fill_null("").str.contains("corrupt|dead_url")
    is_weapon = pl.col("defects").fill_null("").str.contains("weapon")
    rows = truth.filter(~broken).select("image_url", "style", weapon=is_weapon).sort("image_url")
    weapons = rows.filter("weapon")
    others = rows.filter(~pl.col("weapon")).sample(
        min(arguments.negatives, rows.height - weapons.height), seed=arguments.seed
    )
    found = [
        (catalog / url, style, weapon)
        for url, style, weapon in pl.concat([weapons, others]).iter_rows()
    ]
    for folder in arguments.photos:
        photos = sorted(p for p in folder.rglob("*") if p.suffix in (".jpg", ".png"))
        chosen = rng.permutation(len(photos))[: arguments.negatives]
        found += [(photos[i], photos[i].stem, False) for i in chosen]
    paths, groups, truths = {}, {}, {}
    for path, group, weapon in found:
        key = hashlib.sha256(str(path).encode()).hexdigest()
        paths[key], groups[key], truths[key] = path, group, weapon
    return paths, truths, groups


def by_block(squares, y, groups, vision, seed) -> np.ndarray:
    """Return the retrained block's probabilities, out of fold."""
    from sklearn.model_selection import StratifiedGroupKFold

    hidden = load_last_block(vision).trunk(squares)
    p = np.full(len(y), float(y.mean()))
    splitter = StratifiedGroupKFold(BLOCK_FOLDS, shuffle=True, random_state=seed)
    for fitted, held in splitter.split(squares, y, groups):
        block = load_last_block(vision)
        p[held] = answer(block, fit(block, hidden[fitted], y[fitted], seed), hidden[held])
    return p


def show(answers: dict[str, np.ndarray], y: np.ndarray, console: Console) -> None:
    real = np.ones(len(y), bool)
    found = {}
    for name, p in answers.items():
        limits = choose_limits(
            y, p, real, max_false_discards=1.0, reject_precision=1.0, min_rejections=1
        )
        found[name] = measures(y, p >= limits.flag, real)
    best = {part: max(getattr(m, part) for m in found.values()) for part in PARTS}
    table = Table("approach", *PARTS, *(f"{part} ÷ best" for part in PARTS))
    for name, measured in found.items():
        values = [getattr(measured, part) for part in PARTS]
        relative = [v / best[part] for v, part in zip(values, PARTS, strict=True)]
        table.add_row(name, *(f"{v:.3f}" for v in [*values, *relative]))
    console.print(table)
    console.print(f"heads: {FOLDS} folds, block: {BLOCK_FOLDS}; limits of best F1 on these answers")


if __name__ == "__main__":
    main()
