"""A small folder of judged products: pictures of coloured shapes, and queries that name them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

COLOURS = {
    "red": (200, 30, 30), "blue": (30, 60, 200), "green": (30, 150, 60), "black": (20, 20, 20),
    "orange": (240, 140, 20), "purple": (120, 40, 150),
}  # fmt: skip
SHAPES = ("disc", "square", "bar")

TESTED = ("red", "green")
"""Colours whose products answer queries of the test."""


def write_judged_products(folder: Path, each: int = 4, seed: int = 0) -> Path:
    """Write `products.csv`, `queries.csv`, `qrels.csv` and `images/` into a folder; return it.

    Every colour and shape is a group of ``each`` products; queries of the test ask for groups that
    no query of the training asks for.
    """
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    products = ["product_id,title,category,colour,style,image"]
    queries, judged = ["query_id,query,split"], ["query_id,product_id,relevance"]
    groups = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    for number, (colour, shape) in enumerate(groups):
        for copy in range(each):
            name = f"{colour}-{shape}-{copy}"
            cv2.imwrite(str(folder / "images" / f"{name}.png"), _picture(colour, shape, rng))
            products.append(
                f"{name},A {colour} {shape},{shape}s,{colour},{colour} {shape},{name}.png"
            )
        split = "test" if colour in TESTED else "train"
        queries.append(f"q{number},{shape} in {colour},{split}")
        for colour_of, shape_of in groups:
            grade = 2 if (colour_of, shape_of) == (colour, shape) else int(shape_of == shape)
            if grade:
                judged += [f"q{number},{colour_of}-{shape_of}-{n},{grade}" for n in range(each)]
    for name, lines in (("products", products), ("queries", queries), ("qrels", judged)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


def _picture(colour: str, shape: str, rng: np.random.Generator) -> np.ndarray:
    picture = np.full((96, 96, 3), 255, np.uint8)
    bgr = [int(v) for v in np.clip(np.array(COLOURS[colour][::-1]) + rng.integers(-12, 13), 0, 255)]
    x, y, size = (int(v) for v in rng.integers((40, 40, 20), (56, 56, 30)))
    if shape == "disc":
        cv2.circle(picture, (x, y), size, bgr, -1)
    elif shape == "square":
        cv2.rectangle(picture, (x - size, y - size), (x + size, y + size), bgr, -1)
    else:
        cv2.rectangle(picture, (x - 36, y - size // 4), (x + 36, y + size // 4), bgr, -1)
    return picture
