"""What a trained backbone is worth, and the card that says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from imgassets.learning.pretraining.export import embed
from imgassets.learning.pretraining.photos import Photos
from imgassets.learning.pretraining.rendering import KINDS, VIEWS
from imgassets.learning.pretraining.training import Recipe
from imgassets.vision.embedded_net import LAST, LAYOUT, SIDE, Network, layers

PROBE_STRENGTHS = (1.0, 3.0, 10.0, 30.0)
"""Inverse regularisation of the linear probe; the best by inner cross-validation is taken."""

BY_HAND = "<!-- What follows is written by hand and kept. -->"

_PAIRED = 300
"""Pictures that robustness is measured on, at most."""


class Made(NamedTuple):
    """How a file of weights was made.

    Attributes:
        sha256: of the file.
        size: bytes of the file.
        trunks: how many.
        recipe: how each was trained.
        seed: of the first trunk; the others count on.
        rendered: pictures that were rendered.
        photos: photographs that were learned from.
    """

    sha256: str
    size: int
    trunks: int
    recipe: Recipe
    seed: int
    rendered: int
    photos: int


class Robustness(NamedTuple):
    """Mean cosine between a picture's vector and that of its copy, by kind of copy.

    Attributes:
        copies: by the copy's name.
        others: of two different pictures.
    """

    copies: dict[str, float]
    others: float


def linear_probe(vectors: np.ndarray, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the accuracies of five folds of a logistic regression on the vectors.

    Args:
        vectors: float32, n × d, each of length 1.
        labels: n.
        seed: of the folds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    found: list[float] = []
    for known, held in folds.split(vectors, labels):
        search = GridSearchCV(
            LogisticRegression(max_iter=500),
            {"C": list(PROBE_STRENGTHS)},
            cv=StratifiedKFold(3, shuffle=True, random_state=seed),
        )
        search.fit(vectors[known], labels[known])
        found.append(float(search.score(vectors[held], labels[held])))
    return np.array(found)


def robustness(look: Callable[[np.ndarray], np.ndarray], pictures: np.ndarray) -> Robustness:
    """Measure how little a backbone minds changes that a supplier makes.

    Args:
        look: embeds pictures (RGB, uint8, n × side × side × 3), rows of length 1.
        pictures: at least two; the first 300 are taken.
    """
    chosen = pictures[:_PAIRED]
    vectors = look(chosen)
    alike = {
        name: float(np.mean(np.sum(vectors * look(np.stack([copy(p) for p in chosen])), axis=1)))
        for name, copy in COPIES.items()
    }
    return Robustness(alike, float(np.mean(np.sum(vectors * np.roll(vectors, 1, axis=0), axis=1))))


def _blurred(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), len(picture) / 80)


def _cropped(picture: np.ndarray) -> np.ndarray:
    side = len(picture)
    edge = round(side * 0.06)
    inner = np.ascontiguousarray(picture[edge : side - edge, edge : side - edge])
    return cv2.resize(inner, (side, side), interpolation=cv2.INTER_LINEAR)


def _recoloured(picture: np.ndarray) -> np.ndarray:
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV_FULL).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + 20) % 256
    hsv[..., 1:] = np.clip(hsv[..., 1:] * (0.8, 1.15), 0, 255)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB_FULL)


def _encoded(picture: np.ndarray) -> np.ndarray:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


def _mirrored(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture[:, ::-1])


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "blurred (sigma 1/80 of the side)": _blurred,
    "cropped (6 % off each edge)": _cropped,
    "re-coloured (hue + 28°, paler, lighter)": _recoloured,
    "re-encoded (JPEG quality 30)": _encoded,
    "mirrored": _mirrored,
}
"""Copies of a picture that should stay near it."""


def write_card(made: Made, network: Network, photos: Photos | None, held: Photos | None) -> str:
    """Return the card's text, in Markdown.

    Args:
        made: how the weights were made.
        network: the network.
        photos: what it learned from; robustness is measured on them where none were held out.
        held: photographs it did not learn from, if any.
    """
    parameters = sum(
        layer.outputs * (layer.inputs * layer.kernel**2 + 1) for layer in layers()
    )  # fmt: skip
    recipe = made.recipe
    phases = "; ".join(
        f"{phase.share:.0%} at {phase.side} px with {phase.photos:.0%} photographs"
        for phase in recipe.phases
    )
    lines = [
        "# Card of the embedded backbone",
        "",
        "Written by `python -m imgassets.learning.pretraining`, but for what follows its last "
        "line.",
        "",
        f"- File: `embedded.safetensors`, {made.size:,} bytes, SHA-256 `{made.sha256}`.",
        f"- Architecture: {made.trunks} residual trunks of {parameters:,} parameters each "
        f"(half precision), side by side; the whole picture squeezed to {SIDE} × {SIDE} pixels; "
        f"vector: of each trunk the pooled last layer ({LAST}), centred and evened out, and "
        f"{LAYOUT} principal components of histograms of oriented gradients (a fixed "
        "layer, whose projection is learned from the same pictures); "
        f"{network.dimension} numbers of length 1.",
        f"- Data: {made.photos:,} photographs and {made.rendered:,} rendered pictures of "
        f"{len(KINDS)} kinds of goods in {len(VIEWS)} views, rendered by "
        "`imgassets/learning/pretraining/rendering.py` (Apache-2.0 as the project). No other "
        "picture, no other model.",
        f"- Recipe: {recipe.steps:,} steps of {recipe.batch} pictures per trunk ({phases}); AdamW, "
        f"rate {recipe.rate:g} on a half cosine, weight decay {recipe.decay:g}, label smoothing "
        f"{recipe.smoothing:g}, {recipe.mixed:.0%} of the batches mixed, moving average "
        f"{recipe.averaging:g}; photographs' kinds, rendered kinds and rendered views are learned "
        "together.",
        f"- Seed {made.seed}, the further trunks' the next ones.",
        "",
        "## Robustness",
        "",
        "Mean cosine between a photograph's vector and that of its copy; the gap to two different "
        "photographs is what counts.",
        "",
    ]
    shown = held if held is not None else photos
    if shown is None:
        return "\n".join([*lines, "Not measured: there were no photographs.", ""])
    if held is None:
        lines += ["These are photographs that it learned from: none were held out.", ""]
    found = robustness(lambda pictures: embed(network, pictures), _mixed(shown.pixels, made.seed))
    lines += ["| copy | cosine |", "|---|---|"]
    lines += [f"| {name} | {value:.3f} |" for name, value in found.copies.items()]
    lines += [f"| *two different photographs* | {found.others:.3f} |", ""]
    if held is not None:
        accuracy = linear_probe(embed(network, held.pixels), held.labels).mean()
        lines += [
            f"Linear probe, five folds, on {len(held.labels)} photographs that were held out: "
            f"{accuracy:.3f}.",
            "",
        ]
    return "\n".join(lines)


def _mixed(pixels: np.ndarray, seed: int) -> np.ndarray:
    return pixels[np.random.default_rng(seed).permutation(len(pixels))]


def with_notes(card: str, path: Path) -> str:
    """Return the card followed by what was written by hand in the card that is there."""
    _, _, notes = (path.read_text(encoding="utf-8") if path.is_file() else "").partition(BY_HAND)
    return f"{card}\n{BY_HAND}{notes or chr(10)}"
