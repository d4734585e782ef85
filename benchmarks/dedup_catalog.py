"""Duplicates of a catalog with known truth, at limits that were tuned on other pictures.

    imgassets pairs tune PAIRS.csv --images DIR --out tuned.toml    (pairs of other photos)
    python benchmarks/dedup_catalog.py CATALOG --thresholds tuned.toml [--backbone embedded]

CATALOG holds truth/images.csv (image_url, product_id, category, view, source_id, usable),
truth/products.csv (product_id, style) and the images. Pairs are those of usable images within a
product, distinct files; the same source_id makes them the same. The table has precision and recall
of every comparator by category and of all pairs together. Ours is shown with the shipped limits and
with the tuned ones; nothing is tuned on the catalog.

Then ours compares images of one style and view in different colours: none should be the same. A
grayscale file has no colour to differ by, so pairs with one are counted apart.
"""

from __future__ import annotations

import argparse
import hashlib
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from dedup import SHORT
from rich.console import Console
from rich.table import Table

from imgassets.selection.comparators import Registered, comparators
from imgassets.selection.ensembles import Gate
from imgassets.selection.thresholds import Thresholds, read_thresholds
from imgassets.selection.tuning import score
from imgassets.settings import VisionSettings
from imgassets.vision.backbones import load_backbone
from imgassets.vision.decode import decode

SHIPPED, TUNED = "ours shipped", "ours tuned"

console = Console(width=200, highlight=False)


class Images(NamedTuple):
    """Usable images: a row of the truth for each, and their pictures."""

    truth: pl.DataFrame
    pictures: list[np.ndarray]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--thresholds", type=Path, required=True, help="of `imgassets pairs tune`")
    parser.add_argument("--backbone", default="embedded")
    arguments = parser.parse_args()
    images = read_images(arguments.catalog)
    tuned = read_thresholds(arguments.thresholds)
    pairs = pairs_within(images.truth)
    source = images.truth["source_id"].to_numpy()
    same = source[pairs[:, 0]] == source[pairs[:, 1]]
    said = single_verdicts(images, pairs, tuned, arguments.backbone)
    distances = our_distances(images, pairs, read_thresholds())
    said[SHIPPED] = within(images, pairs, distances, read_thresholds())
    said[TUNED] = within(images, pairs, our_distances(images, pairs, tuned), tuned)
    report(images, pairs, same, said)
    report_colours(images, tuned)


def read_images(catalog: Path) -> Images:
    """Read the usable images; of the same bytes in one product, one."""
    truth = pl.read_csv(catalog / "truth/images.csv").filter(pl.col("usable"))
    truth = truth.join(
        pl.read_csv(catalog / "truth/products.csv").select("product_id", "style"), on="product_id"
    )
    contents = [(catalog / url).read_bytes() for url in truth["image_url"]]
    truth = truth.with_columns(
        content=pl.Series([hashlib.sha256(data).hexdigest() for data in contents]),
        row=pl.int_range(len(contents)),
    ).unique(["product_id", "content"], keep="first", maintain_order=True)
    return Images(truth, [decode(contents[row]) for row in truth["row"]])


def pairs_within(truth: pl.DataFrame) -> np.ndarray:
    """Return all pairs of images of one product: rows of both, pairs × 2."""
    groups = truth.with_row_index("at").group_by("product_id", maintain_order=True)
    return np.array([pair for _, rows in groups for pair in combinations(rows["at"].to_list(), 2)])


def single_verdicts(
    images: Images, pairs: np.ndarray, limits: Thresholds, backbone: str
) -> dict[str, np.ndarray]:
    """Return what the comparators of table IV say of each pair."""
    every = comparators(limits.default, load_backbone(VisionSettings(backbone=backbone)))
    del every[Registered.name]
    return {
        SHORT[comparator.name]: compare(comparator, images, pairs)
        <= comparator.limit(limits.default)
        for comparator in every.values()
    }


def compare(comparator: Any, images: Images, pairs: np.ndarray) -> np.ndarray:
    seen = comparator.describe_all(images.pictures)
    return comparator.distances([seen[k] for k in pairs[:, 0]], [seen[k] for k in pairs[:, 1]])


def our_distances(images: Images, pairs: np.ndarray, limits: Thresholds) -> np.ndarray:
    """Compare pairs that pass the gate; the others are as far apart as can be."""
    distances = np.ones(len(pairs))
    near = np.flatnonzero(compare(Gate(limits.default.gate), images, pairs) <= 1)
    distances[near] = compare(Registered(), images, pairs[near])
    return distances


def within(
    images: Images, pairs: np.ndarray, distances: np.ndarray, limits: Thresholds
) -> np.ndarray:
    """Decide by the limits of each pair's category."""
    categories = images.truth["category"].to_list()
    least = np.array([limits.of(categories[k]).same_probability for k in pairs[:, 0]])
    return 1 - distances >= least


def report(
    images: Images, pairs: np.ndarray, same: np.ndarray, said: dict[str, np.ndarray]
) -> None:
    """Print precision and recall by category, and every wrong verdict of ours as shipped."""
    category = images.truth["category"].to_numpy()[pairs[:, 0]]
    groups = {name: category == name for name in sorted(set(category))}
    groups["all"] = np.ones(len(pairs), bool)
    table = Table(title="precision / recall within products", title_justify="left")
    table.add_column("category", no_wrap=True)
    for heading in ("same", "different", *said):
        table.add_column(heading, justify="right")
    for name, among in groups.items():
        counts = str(int(same[among].sum())), str(int((~same[among]).sum()))
        scores = [score(verdicts[among], same[among]) for verdicts in said.values()]
        figures = [f"{found.precision:.2f} / {found.recall:.2f}" for found in scores]
        table.add_row(name, *counts, *figures)
    console.print(table)
    for name, verdicts in said.items():
        found = score(verdicts, same)
        console.print(
            f"{name:>12}: precision {found.precision:.3f}, recall {found.recall:.3f}, "
            f"F1 {found.f1:.3f}; {found.n_called - found.n_right} wrongly the same"
        )
    urls, variants = images.truth["image_url"].to_list(), images.truth["variant"].to_list()
    for at in np.flatnonzero(said[SHIPPED] != same):
        left, right = pairs[at]
        console.print(
            "missed" if same[at] else "wrongly the same", urls[left], urls[right],
            variants[left], variants[right], soft_wrap=True,
        )  # fmt: skip


def report_colours(images: Images, tuned: Thresholds) -> None:
    """Print how many images of one style in different colours are called the same."""
    truth = images.truth.with_row_index("at")
    groups = truth.group_by(["style", "view"], maintain_order=True)
    product, urls = truth["product_id"].to_list(), truth["image_url"].to_list()
    pairs = np.array(
        [
            (left, right)
            for _, rows in groups
            for left, right in combinations(rows["at"].to_list(), 2)
            if product[left] != product[right]
        ]
    )
    seen = Gate(tuned.default.gate).describe_all(images.pictures)
    gray = np.array([seen[left].is_gray != seen[right].is_gray for left, right in pairs])
    console.print(
        f"{len(pairs)} pairs of one style and view in different colours, {gray.sum()} of them with "
        "one grayscale file:"
    )
    for name, limits in ((SHIPPED, read_thresholds()), (TUNED, tuned)):
        distances = our_distances(images, pairs, limits)
        merged = within(images, pairs, distances, limits)
        console.print(
            f"{name}: {int((merged & ~gray).sum())} are called the same, and "
            f"{int((merged & gray).sum())} with one grayscale file"
        )
        for at in np.flatnonzero(merged):
            left, right = pairs[at]
            probability = f"{1 - distances[at]:.4f}"
            console.print("   ", probability, urls[left], urls[right], soft_wrap=True)


if __name__ == "__main__":
    main()
