"""Measure image-type designs on a labelled catalog.

    python benchmarks/image_types.py CATALOG_DIR BACKBONE [--seeds 4]

CATALOG_DIR holds `labels/image_types.csv` (labels to learn from), `labels/styles.csv` (each style's
split) and `truth/images.csv` (the answer for every image). BACKBONE is 'embedded', a folder or a
Hugging Face id. Designs are compared by cross-validated macro-F1 over styles of the training split,
averaged over seeds; the test split is then answered by two of them only, the pipeline's own and
the one that cross-validation likes best.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from imgassets.learning.evaluation import Evaluation, evaluate
from imgassets.learning.head import C_GRID, LogisticHead
from imgassets.learning.labels import read_labels
from imgassets.settings import VisionSettings
from imgassets.vision.backbones import Backbone, load_backbone
from imgassets.vision.decode import Undecodable, decode
from imgassets.vision.framing import frame_object
from imgassets.vision.inputs import prepare

VIEWS = ("front", "back", "closeup")
NO_CATEGORY = "any"


class Design(NamedTuple):
    """What the head sees: parts of the features, the category or not, mirrored copies or not."""

    parts: tuple[str, ...]
    category: bool
    mirrored: bool = False

    def __str__(self) -> str:
        """Return the design as a table cell."""
        extras = [" + category"] * self.category + [" + mirrored copies"] * self.mirrored
        return " ‖ ".join(self.parts) + "".join(extras)


PIPELINE = Design(("whole",), category=True)
DESIGNS = (
    Design(("whole",), category=False),
    PIPELINE,
    Design(("whole",), category=True, mirrored=True),
    Design(("object",), category=True),
    Design(("mean",), category=True),
    Design(("mean",), category=True, mirrored=True),
    Design(("whole", "object"), category=True),
    Design(("whole", "object"), category=True, mirrored=True),
    Design(("whole", "framing"), category=True),
    Design(("whole", "object", "framing"), category=True),
    Design(("whole", "object", "framing"), category=True, mirrored=True),
)
"""'whole' is the picture, 'object' its bounding box, 'mean' the mean of both embeddings, 'framing'
five numbers on box and background; '‖' joins."""


class Features(NamedTuple):
    """Features of n images.

    Attributes:
        plain: part to float32 [n, …].
        mirrored: the same of the mirrored pictures.
    """

    plain: dict[str, np.ndarray]
    mirrored: dict[str, np.ndarray]

    def of(self, design: Design, rows: np.ndarray, mirrored: bool = False) -> np.ndarray:
        """Return float32 [rows, d]: the design's parts side by side."""
        source = self.mirrored if mirrored else self.plain
        return np.hstack([source[part][rows] for part in design.parts])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("backbone")
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()

    images = read_catalog(options.catalog)
    backbone = load_backbone(VisionSettings(backbone=options.backbone))  # type: ignore[call-arg]
    images, features = see(options.catalog, images, backbone)
    train = np.flatnonzero(images["label"].is_not_null())
    test = np.flatnonzero(images["split"] == "test")
    print(
        f"{backbone.name}: {len(train)} labelled images, {len(test)} of other styles\n", flush=True
    )

    print("cross-validated macro-F1 on the labels (mean over seeds, best C)\n")
    chosen: dict[Design, tuple[float, float]] = {}
    for design in DESIGNS:
        c, score = cross_validate(design, images, features, train, options.seeds)
        chosen[design] = c, score
        print(f"{design!s:<56} C={c:<7g} {score:.4f}", flush=True)

    best = max(chosen, key=lambda design: chosen[design][1])
    for design in dict.fromkeys([PIPELINE, best]):
        head = fit(design, images, features, train, chosen[design][0])
        p = head.predict_proba(features.of(design, test), categories(design, images, test))
        answers = np.array(head.classes)[p.argmax(axis=1)]
        print(f"\ntest styles, {design}\n")
        report(images["view"].to_numpy()[test], answers, images["usable"].to_numpy()[test])


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
        .join(products.select("product_id", "style"), on="product_id")
        .join(styles.select("style", "split"), on="style")
        .join(labels.select("image_url", label="image_type"), on="image_url", how="left")
    )


def see(catalog: Path, images: pl.DataFrame, backbone: Backbone) -> tuple[pl.DataFrame, Features]:
    """Return the images that decode, and their features."""
    seen: list[bool] = []
    views: dict[bool, list[dict[str, np.ndarray]]] = {False: [], True: []}
    for url in images["image_url"]:
        try:
            picture = decode((catalog / url).read_bytes())
        except (OSError, Undecodable):
            seen.append(False)
            continue
        seen.append(True)
        for mirrored, rows in views.items():
            turned = np.ascontiguousarray(picture[:, ::-1]) if mirrored else picture
            rows.append(look(turned, backbone))
    stacked = {
        mirrored: {part: np.stack([row[part] for row in rows]) for part in rows[0]}
        for mirrored, rows in views.items()
    }
    return images.filter(pl.Series(seen)), Features(stacked[False], stacked[True])


def look(picture: np.ndarray, backbone: Backbone) -> dict[str, np.ndarray]:
    """Return one picture's features by part."""
    framing = frame_object(picture)
    crop = np.ascontiguousarray(framing.box.crop(picture))
    squares = np.stack([prepare(one, backbone.input) for one in (picture, crop)])
    whole, item = backbone.embed(squares)
    height, width = picture.shape[:2]
    box = framing.box
    edges = sum((box.top == 0, box.bottom == height, box.left == 0, box.right == width))
    shape = [
        np.log(width / height),
        np.log((box.right - box.left) / (box.bottom - box.top)),
        framing.foreground_fraction,
        framing.background_whiteness,
        edges / 4,
    ]
    return {
        "whole": whole,
        "object": item,
        "mean": (whole + item) / 2,
        "framing": np.array(shape, dtype=np.float32),
    }


def categories(design: Design, images: pl.DataFrame, rows: np.ndarray) -> list[str]:
    """Return the categories that a design may see."""
    return images["category"][rows].to_list() if design.category else [NO_CATEGORY] * len(rows)


def fit(
    design: Design, images: pl.DataFrame, features: Features, rows: np.ndarray, c: float
) -> LogisticHead:
    """Fit a design's head to labelled rows."""
    x, labels = features.of(design, rows), images["label"][rows].to_list()
    known, groups = categories(design, images, rows), images["style"][rows].to_list()
    if design.mirrored:
        x = np.vstack([x, features.of(design, rows, mirrored=True)])
        labels, known, groups = labels * 2, known * 2, groups * 2
    return LogisticHead.fit(x, labels, known, groups, c=c)


def cross_validate(
    design: Design, images: pl.DataFrame, features: Features, rows: np.ndarray, seeds: int
) -> tuple[float, float]:
    """Return the strength with the best mean macro-F1 out of fold, and that mean."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels = images["label"].to_numpy()
    styles = images["style"].to_numpy()
    scores: dict[float, list[float]] = {c: [] for c in C_GRID}
    for seed in range(seeds):
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        parts = [
            (rows[a], rows[b]) for a, b in folds.split(rows, list(labels[rows]), list(styles[rows]))
        ]
        for c in C_GRID:
            answers = np.empty(len(labels), dtype=object)
            for train, held in parts:
                head = fit(design, images, features, train, c)
                known = categories(design, images, held)
                p = head.predict_proba(features.of(design, held), known)
                answers[held] = np.array(head.classes)[p.argmax(axis=1)]
            found = evaluate(list(labels[rows]), list(answers[rows]), [*VIEWS, "none"])
            scores[c].append(found.macro_f1)
    means = {c: float(np.mean(values)) for c, values in scores.items()}
    best = max(means, key=lambda c: (means[c], -c))
    return best, means[best]


def report(truth: np.ndarray, answers: np.ndarray, usable: np.ndarray) -> None:
    """Print measures of all images and of the usable ones."""
    for name, kept in {"all images": np.ones(len(truth), bool), "usable images": usable}.items():
        found = evaluate(list(truth[kept]), list(answers[kept]), VIEWS)
        print(
            f"{name}: {found.n}, macro-F1 front/back/closeup {found.macro_f1:.4f}, "
            f"accuracy {found.accuracy:.4f}"
        )
        print_classes(found)


def print_classes(found: Evaluation) -> None:
    """Print each class's measures and what its images were taken for."""
    print(f"  {'':<9}{'prec.':>7}{'recall':>8}{'F1':>7}{'n':>6}   taken for")
    for i, name in enumerate(found.classes):
        m = found.per_class[name]
        taken = ", ".join(
            f"{other} {n}" for other, n in zip(found.classes, found.confusion[i], strict=True) if n
        )
        print(
            f"  {name:<9}{m['precision']:>7.3f}{m['recall']:>8.3f}{m['f1']:>7.3f}"
            f"{int(m['support']):>6}   {taken}"
        )


if __name__ == "__main__":
    main()
