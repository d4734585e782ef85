"""Measure the embedded backbone beside a pretrained one and a classical descriptor.

    python benchmarks/backbone.py PHOTOS_DIR MODEL_DIR [--rounds 5]

PHOTOS_DIR holds one folder of photographs per class, none of which the embedded backbone was
trained on; MODEL_DIR a Hugging Face vision model. Each backbone's vectors are judged by a linear
probe (logistic regression, five stratified folds, its strength chosen within each fold), its speed
by embedding the same prepared squares in turns, and its robustness by the cosine between a
photograph's vector and that of a changed copy, beside that of two different photographs.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from imgassets.learning.pretraining.card import COPIES, linear_probe, robustness
from imgassets.settings import VisionSettings
from imgassets.vision.backbones import Backbone, load_backbone
from imgassets.vision.decode import decode
from imgassets.vision.gradients import oriented_gradients
from imgassets.vision.inputs import InputSpec, prepare

_TIMED = 96
"""Photographs in one timed round."""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    files = sorted(options.photos.glob("*/*.jpg"))
    labels = np.array([path.parent.name for path in files])
    pictures = [decode(path.read_bytes()) for path in files]
    backbones: dict[str, Backbone] = {
        "embedded": load_backbone(VisionSettings(device="cpu")),
        options.model.name: load_backbone(
            VisionSettings(backbone=str(options.model), device="cpu")
        ),
        "classical": Classical(),
    }
    console = Console(width=110)
    console.print(f"{len(files)} photographs, {len(set(labels))} classes", highlight=False)
    speeds = time_in_turns(list(backbones.values()), pictures[:_TIMED], options.rounds)
    table = Table(title="Linear probe, five folds, and images/s of `embed` (median, least … most)")
    for heading in ("backbone", "numbers", "accuracy ± folds", "images/s", "÷ embedded's"):
        table.add_column(heading, justify="left" if heading == "backbone" else "right")
    for (name, backbone), rates in zip(backbones.items(), speeds, strict=True):
        found = linear_probe(look(backbone, pictures), labels)
        table.add_row(
            name,
            str(backbone.dimension),
            f"{found.mean():.3f} ± {found.std():.3f}",
            f"{np.median(rates):.0f} ({rates.min():.0f} … {rates.max():.0f})",
            f"{np.median(rates / speeds[0]):.2f}",
        )
    console.print(table)
    console.print(robustness_table(backbones, pictures))


def look(backbone: Backbone, pictures: list[np.ndarray]) -> np.ndarray:
    """Embed pictures of any sizes."""
    squares = np.stack([prepare(picture, backbone.input) for picture in pictures])
    return backbone.embed(squares)


def time_in_turns(
    backbones: list[Backbone], pictures: list[np.ndarray], rounds: int
) -> list[np.ndarray]:
    """Return each backbone's images/s in every round; the load of a round is the same for all."""
    squares = [np.stack([prepare(p, backbone.input) for p in pictures]) for backbone in backbones]
    rates: list[list[float]] = [[] for _ in backbones]
    for number in range(rounds + 1):
        for found, backbone, batch in zip(rates, backbones, squares, strict=True):
            began = time.perf_counter()
            backbone.embed(batch)
            if number:  # The first round warms up.
                found.append(len(batch) / (time.perf_counter() - began))
    return [np.array(found) for found in rates]


def robustness_table(backbones: dict[str, Backbone], pictures: list[np.ndarray]) -> Table:
    """Measure every backbone on the same pictures, mixed and squeezed to 224 pixels."""
    order = np.random.default_rng(0).permutation(len(pictures))[:300]
    squares = np.stack(
        [cv2.resize(pictures[i], (224, 224), interpolation=cv2.INTER_AREA) for i in order]
    )
    table = Table(title="Mean cosine between a photograph and its copy")
    table.add_column("copy")
    found = []
    for name, backbone in backbones.items():
        table.add_column(name, justify="right")
        found.append(robustness(lambda batch, b=backbone: look(b, list(batch)), squares))
    for copy in COPIES:
        table.add_row(copy, *(f"{one.copies[copy]:.3f}" for one in found))
    table.add_row("two different photographs", *(f"{one.others:.3f}" for one in found))
    return table


class Classical:
    """A fixed descriptor of shape, texture and colour by place, on a square of 96 pixels.

    The parts, each scaled to length 1, are histograms of oriented gradients (after Dalal and
    Triggs, 2005), of uniform local binary patterns (Ojala et al., 2002) and of colours.
    """

    name = "classical"
    dimension = 144 * 9 + 9 * 10 + 36 * 6 + 64
    input = InputSpec(96, "squeeze")

    def embed(self, squares: np.ndarray) -> np.ndarray:
        """Embed pictures; see :meth:`Backbone.embed`."""
        return np.stack([_describe(square) for square in squares])


def _describe(square: np.ndarray) -> np.ndarray:
    """Return the descriptor of one picture: float32, length 1."""
    gray = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY)
    lab = cv2.cvtColor(square.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    lab /= np.array([100.0, 128.0, 128.0], np.float32)
    parts = [(2.0, oriented_gradients(square)), (1.0, _binary_patterns(gray)), *_colours(lab)]
    vector = np.concatenate([weight * _unit(part) for weight, part in parts])
    return _unit(vector).astype(np.float32)


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector


def _binary_patterns(gray: np.ndarray) -> np.ndarray:
    """Histograms (9 regions × 10) of rotation-invariant uniform patterns of eight neighbours."""
    centre = gray[1:-1, 1:-1].astype(np.int16) + 2
    steps = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    height, width = centre.shape
    brighter = np.stack([gray[y : y + height, x : x + width] >= centre for y, x in steps])
    changes = np.count_nonzero(brighter != np.roll(brighter, 1, axis=0), axis=0)
    codes = np.where(changes <= 2, np.count_nonzero(brighter, axis=0), 9)
    rows, columns = (np.arange(n) * 3 // n for n in codes.shape)
    regions = rows[:, None] * 3 + columns[None, :]
    counts = np.bincount((regions * 10 + codes).ravel(), minlength=90)
    return np.sqrt(counts.astype(np.float32))


def _colours(lab: np.ndarray) -> list[tuple[float, np.ndarray]]:
    cells = lab.reshape(6, 96 // 6, 6, 96 // 6, 3)
    layout = np.concatenate([cells.mean((1, 3)).ravel(), cells.std((1, 3)).ravel()])
    levels = np.clip(((lab + np.array([0.0, 0.5, 0.5], np.float32)) * 4).astype(int), 0, 3)
    codes = (levels[..., 0] * 4 + levels[..., 1]) * 4 + levels[..., 2]
    histogram = np.sqrt(np.bincount(codes.ravel(), minlength=64).astype(np.float32))
    return [(1.0, layout), (1.0, histogram)]


if __name__ == "__main__":
    main()
