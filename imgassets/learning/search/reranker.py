"""The neural re-ranker: query, image, their interaction and custom features to a relevance.

A network of a few layers, answered by numpy alone. A registered version carries a copy of this file
beside the weights (see :mod:`imgassets.learning.registry`): it must not import anything else of
imgassets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float32]
Layer = tuple[Floats, Floats]
"""Weight [inputs, outputs] and bias [outputs]."""

_FAR = 5.0
"""Standard deviations beyond which an input says nothing more."""

_FILE = "reranker.safetensors"


class Reranker:
    """Relevance of images to a query.

    Args:
        layers: float32; rectified linear units stand between them.
        mean: float32 [p], of the inputs.
        scale: float32 [p], one by their standard deviations; 0 where an input is not read.
        calibration: slope and intercept that make a probability of the last layer's number (Platt,
            1999).
        info: how it was fitted, JSON-able.
        likeness: what the likeness of query and image counts beside the network.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        mean: Floats,
        scale: Floats,
        calibration: tuple[float, float],
        info: Mapping[str, Any],
        likeness: float = 0.0,
    ) -> None:
        self.layers = tuple(layers)
        self.mean, self.scale = mean, scale
        self.calibration = calibration
        self.info = dict(info)
        self.likeness = likeness

    def scores(
        self, query: Floats, images: Floats, features: Floats, match: Floats
    ) -> NDArray[np.float64]:
        """Return the probability that images answer a query in full.

        Args:
            query: float32 [d], the query's vector.
            images: float32 [n, d].
            features: float32 [n, f], what is known of the images.
            match: float32 [n, m], how well they show what the query names.

        Returns:
            float64 [n], 0 … 1.
        """
        logits = self.logits(pair_inputs(query, images, features, match))
        slope, intercept = self.calibration
        probability: NDArray[np.float64] = 1 / (1 + np.exp(-(slope * logits + intercept)))
        return probability

    def logits(self, inputs: Floats) -> NDArray[np.float64]:
        """Return the network's number of :func:`pair_inputs` and the likeness, float64 [n]."""
        at = standardised(inputs, self.mean, self.scale).astype(np.float64)
        for number, (weight, bias) in enumerate(self.layers):
            at = at @ weight + bias
            if number + 1 < len(self.layers):
                at = np.maximum(at, 0)
        return at[:, 0] + self.likeness * inputs[:, 0].astype(np.float64)

    def save(self, folder: Path) -> None:
        """Write it into an existing folder."""
        from safetensors.numpy import save_file

        arrays = {"mean": self.mean, "scale": self.scale}
        for number, (weight, bias) in enumerate(self.layers):
            arrays |= {f"{number}.weight": weight, f"{number}.bias": bias}
        about = json.dumps(
            {"calibration": self.calibration, "info": self.info, "likeness": self.likeness}
        )
        whole = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
        save_file(whole, folder / _FILE, metadata={"about": about})

    @classmethod
    def load(cls, folder: Path) -> Reranker:
        """Read what :meth:`save` wrote."""
        from safetensors import safe_open

        with safe_open(folder / _FILE, "numpy") as file:
            about = json.loads(file.metadata()["about"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        numbers = range((len(arrays) - 2) // 2)
        layers = [(arrays[f"{number}.weight"], arrays[f"{number}.bias"]) for number in numbers]
        slope, intercept = about["calibration"]
        return cls(
            layers, arrays["mean"], arrays["scale"], (slope, intercept), about["info"],
            about["likeness"],
        )  # fmt: skip


def standardised(inputs: Floats, mean: Floats, scale: Floats) -> Floats:
    """Return inputs [n, p] in standard deviations from their mean, none of them far."""
    return ((inputs - mean) * scale).clip(-_FAR, _FAR)


def pair_inputs(query: Floats, images: Floats, features: Floats, match: Floats) -> Floats:
    """Return what the network reads of a query and each of n images: float32 [n, p].

    Their likeness, the query's vector, the image's, their product, then what is known of the image
    and how well it matches.
    """
    return np.hstack(
        [
            (images @ query)[:, None],
            np.broadcast_to(query, images.shape),
            images,
            images * query,
            features,
            match,
        ]
    ).astype(np.float32)


class Served:
    """What MLflow serves.

    Args:
        reranker: what answers.
    """

    def __init__(self, reranker: Reranker) -> None:
        self._reranker = reranker

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return ``relevance`` of rows with lists of numbers: query, image, features, match."""
        relevance = []
        for row in frame.to_dict("records"):
            query, *image = (
                np.asarray(row[name], np.float32)
                for name in ("query", "image", "features", "match")
            )
            relevance.append(self._reranker.scores(query, *(part[None] for part in image))[0])
        return frame.assign(relevance=relevance)[["relevance"]]


def load_model(folder: Path) -> Served:
    """Load the re-ranker of a search model's folder, as MLflow asks for it."""
    return Served(Reranker.load(folder / "reranker"))
