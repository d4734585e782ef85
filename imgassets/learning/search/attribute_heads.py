"""Attributes of what an image shows: a head per attribute on its vector and custom features."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MAX_DEVIATIONS = 5.0
"""Inputs are cut off at that many standard deviations: an odd picture must not decide alone."""

ACCURACY = {
    "attribute": pl.String,
    "inputs": pl.String,
    "n": pl.Int64,
    "n_values": pl.Int64,
    "accuracy": pl.Float64,
    "majority": pl.Float64,
    "balanced": pl.Float64,
    "log_loss": pl.Float64,
    "prior_log_loss": pl.Float64,
}
"""Columns of how well heads do on images that they have not seen; ``majority``: accuracy of the
commonest value; ``balanced``: mean recall of the values; ``prior_log_loss``: of the values' shares.
``inputs`` is '' where nothing told more than those shares: such an attribute has no head."""

_WEIGHTS, _ABOUT = "attributes.safetensors", "attributes.json"


@dataclass(frozen=True)
class AttributeHead:
    """One attribute's head: a multinomial logistic regression on standardised inputs.

    Attributes:
        attribute: its name.
        values: in the order of the columns.
        categories: where it applies: those that its labels are of.
        inputs: what it reads, e.g. ``embedding+colour``; other inputs have weight 0.
        c: inverse strength of its regularisation.
        weight: float32 [inputs, values].
        bias: float32 [values].
    """

    attribute: str
    values: tuple[str, ...]
    categories: tuple[str, ...]
    inputs: str
    c: float
    weight: Floats
    bias: Floats


@dataclass(frozen=True)
class AttributeHeads:
    """Heads of the attributes that had labels enough and can be seen; may be none.

    Attributes:
        heads: by attribute's name, sorted.
        mean: float32 [d + f], of the inputs: the vector, then the custom features.
        deviation: float32 [d + f], likewise; not 0.
        accuracy: frame of :data:`ACCURACY`, one row per attribute with labels enough.
    """

    heads: tuple[AttributeHead, ...]
    mean: Floats
    deviation: Floats
    accuracy: pl.DataFrame

    @classmethod
    def none(cls) -> AttributeHeads:
        """Return no heads: nothing is known of any image."""
        nothing = np.zeros(0, np.float32)
        return cls((), nothing, nothing, pl.DataFrame(schema=ACCURACY))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of :meth:`matrix`: ``attribute=value``, head by head."""
        return tuple(f"{head.attribute}={value}" for head in self.heads for value in head.values)

    def probabilities(self, embeddings: Floats, features: Floats) -> dict[str, Floats]:
        """Return each attribute's probabilities.

        Args:
            embeddings: float32 [n, d], the encoder's image vectors.
            features: float32 [n, f], of :func:`imgassets.learning.search.features.feature_matrix`
                with the groups that the heads were fitted with.

        Returns:
            float32 [n, values] by attribute; rows sum to 1.
        """
        if not self.heads:
            return {}
        inputs = standardised(embeddings, features, self.mean, self.deviation)
        return {head.attribute: softmax(inputs @ head.weight + head.bias) for head in self.heads}

    def matrix(self, embeddings: Floats, features: Floats) -> Floats:
        """Return all probabilities side by side: float32 [n, len(columns)]."""
        parts = self.probabilities(embeddings, features).values()
        return np.hstack([np.zeros((len(embeddings), 0), np.float32), *parts])

    def save(self, folder: Path) -> None:
        """Write the heads into an existing folder (safetensors and JSON)."""
        from safetensors.numpy import save_file

        arrays = {"mean": self.mean, "deviation": self.deviation}
        for number, head in enumerate(self.heads):
            arrays |= {f"weight{number}": head.weight, f"bias{number}": head.bias}
        save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, folder / _WEIGHTS)
        about = {
            "heads": [
                {
                    name: getattr(head, name)
                    for name in ("attribute", "values", "categories", "inputs", "c")
                }
                for head in self.heads
            ],
            "accuracy": self.accuracy.to_dicts(),
        }
        (folder / _ABOUT).write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> AttributeHeads:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: the folder holds no heads.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            about = json.loads((folder / _ABOUT).read_text("utf-8"))
            arrays = load_file(folder / _WEIGHTS)
            heads = tuple(
                AttributeHead(
                    attribute=one["attribute"],
                    values=tuple(one["values"]),
                    categories=tuple(one["categories"]),
                    inputs=one["inputs"],
                    c=one["c"],
                    weight=arrays[f"weight{number}"],
                    bias=arrays[f"bias{number}"],
                )
                for number, one in enumerate(about["heads"])
            )
            accuracy = pl.DataFrame(about["accuracy"], ACCURACY)
            return cls(heads, arrays["mean"], arrays["deviation"], accuracy)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ValueError(f"{folder} holds no heads of attributes: {error}") from error


def standardised(embeddings: Floats, features: Floats, mean: Floats, deviation: Floats) -> Floats:
    """Return heads' inputs: float32 [n, d + f], in standard deviations, cut off."""
    inputs = (np.hstack([embeddings, features]) - mean) / deviation
    return np.clip(inputs, -MAX_DEVIATIONS, MAX_DEVIATIONS).astype(np.float32)


def softmax(logits: Floats) -> Floats:
    """Return probabilities, float32 [n, values], of logits."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
