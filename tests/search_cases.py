"""Small coloured pictures with titles: items that a search model can learn in seconds."""

from __future__ import annotations

import numpy as np
import polars as pl

from imgassets.learning.search.data import ITEMS, Items, SearchData
from imgassets.learning.search.questions import make_queries
from imgassets.vision.custom_features import custom_features
from imgassets.vision.inputs import InputSpec
from imgassets.vision.record import FEATURES_VERSION
from imgassets.vision.search_schema import FEATURES_SCHEMA

COLOURS = {
    "red": (200, 30, 30), "green": (30, 140, 40), "blue": (40, 60, 200), "yellow": (230, 210, 40),
}  # fmt: skip
KINDS = ("disc", "bar", "frame")
SPEC = InputSpec(96, "squeeze")


def picture(colour: str, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a thing on white, here or there, RGB uint8 [96, 96, 3]."""
    drawn = np.full((96, 96, 3), 255, np.uint8)
    y, x = np.mgrid[:96, :96]
    top, left = rng.integers(38, 58, 2)
    size = int(rng.integers(18, 30))
    far = np.maximum(abs(y - top), abs(x - left))
    where = {
        "disc": (y - top) ** 2 + (x - left) ** 2 < size**2,
        "bar": (abs(y - top) < size // 4) & (abs(x - left) < size),
        "frame": (far < size) & (far > size // 2),
    }[kind]
    shade = rng.normal(0, 12, 3) + COLOURS[colour]
    drawn[where] = np.clip(shade, 0, 255)
    return drawn


def items(n: int, seed: int) -> Items:
    """Return n items; each is a style of its own."""
    rng = np.random.default_rng(seed)
    rows, squares, features = [], [], []
    for number in range(n):
        colour, kind = str(rng.choice(list(COLOURS))), str(rng.choice(KINDS))
        drawn = picture(colour, kind, rng)
        name = f"{seed}-{number}"
        title = f"{rng.choice(['Acme', 'Borealis', 'Cobalt'])!s} {colour} {kind}"
        attributes = [
            {"attribute": "category", "value": kind}, {"attribute": "colour", "value": colour},
        ]  # fmt: skip
        rows.append((name, name, kind, title, title, attributes))
        squares.append(drawn)
        found = custom_features(drawn)
        features.append({"image_id": name, "features_version": FEATURES_VERSION, **found._asdict()})
    for row in features:
        row["colours"] = [colour._asdict() for colour in row["colours"]]
    frame = pl.DataFrame(features, FEATURES_SCHEMA).drop("image_id")
    return Items(pl.DataFrame(rows, ITEMS, orient="row"), np.stack(squares), frame, SPEC)


def search_data(n_train: int = 160, n_test: int = 60, seed: int = 0) -> SearchData:
    """Return both parts, and queries made of what is known of each."""
    train, test = items(n_train, seed), items(n_test, seed + 1)
    return SearchData(
        train, make_queries(train.rows, 12, seed), test, make_queries(test.rows, 20, seed),
        seed, FEATURES_VERSION,
    )  # fmt: skip
