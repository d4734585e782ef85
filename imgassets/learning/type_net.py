"""A classifier of image types on stored embeddings: layers of weights, answered by numpy alone.

One layer makes it a multinomial logistic regression, three a shallow network (paper A, II-C); how
they are fitted is in :mod:`imgassets.learning.type_fit`. One network may serve several categories:
what a back looks like is shared, how often a category shows its back is not, so each category has
an input of its own.

A registered version carries a copy of this file beside the weights (see
:mod:`imgassets.learning.registry`): it must not import anything else of imgassets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float32]
Layer = tuple[Floats, Floats]
"""Weight [inputs, outputs] and bias [outputs]."""


class TypeNet:
    """Probabilities of classes from an embedding and a category.

    Args:
        approach: how it was fitted: ``logistic`` or ``shallow_net``.
        classes: k class names, sorted.
        layers: float32; rectified linear units stand between them. Standardisation is folded in.
        categories: m category slugs with an input of their own, behind the embedding's d.
        signals_version: the signals (algorithms and backbone) that the embeddings come from.
        info: how it was fitted, JSON-able: at least `n_train` and `notes`.
    """

    def __init__(
        self,
        approach: str,
        classes: Sequence[str],
        layers: Sequence[Layer],
        categories: Sequence[str],
        signals_version: str,
        info: dict[str, Any],
    ) -> None:
        self.approach = approach
        self.classes = tuple(classes)
        self.layers = tuple(layers)
        self.categories = tuple(categories)
        self.signals_version = signals_version
        self.info = info

    @property
    def dimensions(self) -> int:
        """Length d of the embeddings that it takes."""
        return int(self.layers[0][0].shape[0]) - len(self.categories)

    def logits(self, embeddings: Floats, categories: Sequence[str]) -> Floats:
        """Return each image's scores before the softmax.

        Args:
            embeddings: float32 [n, d], of any length (they are normalised here).
            categories: n category slugs; an unknown one is treated as the average one.

        Returns:
            float32 [n, k], columns as in `classes`.

        Raises:
            ValueError: the embeddings have another length d.
        """
        if not len(categories):
            return np.zeros((0, len(self.classes)), dtype=np.float32)
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dimensions:
            raise ValueError(
                f"the model takes embeddings of {self.dimensions} numbers (signals "
                f"'{self.signals_version}'), got {list(embeddings.shape[1:])}: train it again"
            )
        values = np.hstack([normalised(embeddings), one_hot(categories, self.categories)])
        for weight, bias in self.layers[:-1]:
            values = np.maximum(values @ weight + bias, 0.0)
        weight, bias = self.layers[-1]
        return np.asarray(values @ weight + bias, dtype=np.float32)

    def predict_proba(self, embeddings: Floats, categories: Sequence[str]) -> Floats:
        """Return each image's class probabilities; see :meth:`logits`. Rows sum to 1."""
        return softmax(self.logits(embeddings, categories))

    def with_temperature(self, temperature: float) -> TypeNet:
        """Return the same network with its logits divided by `temperature`."""
        weight, bias = self.layers[-1]
        last = (
            np.asarray(weight / temperature, dtype=np.float32),
            np.asarray(bias / temperature, dtype=np.float32),
        )
        return TypeNet(
            self.approach,
            self.classes,
            [*self.layers[:-1], last],
            self.categories,
            self.signals_version,
            {**self.info, "temperature": temperature},
        )

    def predict_frame(self, images: pd.DataFrame) -> pd.DataFrame:
        """Answer rows of `embedding` (a list of d floats) and `category` (a slug).

        Returns:
            One row per image: `image_type`, the most probable class as it is, before any limit;
            `probability`, its probability; and `p_<class>` for every class.
        """
        stacked = np.zeros((0, self.dimensions), dtype=np.float32)
        if len(images):
            stacked = np.stack([np.asarray(e, dtype=np.float32) for e in images["embedding"]])
        p = self.predict_proba(stacked, [str(c) for c in images["category"]])
        return answer_frame(images, self.classes, p)

    def save(self, folder: Path) -> None:
        """Write `net.safetensors` and `net.json` into `folder`, which is made if need be."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            f"{name}.{place}": np.ascontiguousarray(value)
            for place, layer in enumerate(self.layers)
            for name, value in zip(("weight", "bias"), layer, strict=True)
        }
        save_file(tensors, folder / "net.safetensors")
        described = {
            "approach": self.approach,
            "classes": self.classes,
            "categories": self.categories,
            "signals_version": self.signals_version,
            "info": self.info,
        }
        (folder / "net.json").write_text(json.dumps(described, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> TypeNet:
        """Read a network that :meth:`save` wrote."""
        from safetensors.numpy import load_file

        folder = Path(folder)
        described = json.loads((folder / "net.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "net.safetensors")
        layers = [
            (tensors[f"weight.{place}"], tensors[f"bias.{place}"])
            for place in range(len(tensors) // 2)
        ]
        return cls(layers=layers, **described)


load_model = TypeNet.load
"""What a registered version is loaded with."""


def normalised(embeddings: Floats) -> Floats:
    """Return rows of length 1; a row of zeros stays so."""
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(length, 1e-12), dtype=np.float32)


def one_hot(names: Sequence[str], known: Sequence[str]) -> Floats:
    """Return float32 [n, m]: 1 at each name's place among the known, nothing for others."""
    place = {name: i for i, name in enumerate(known)}
    found = np.zeros((len(names), len(known)), dtype=np.float32)
    for row, name in enumerate(names):
        if name in place:
            found[row, place[name]] = 1.0
    return found


def answer_frame(images: pd.DataFrame, classes: Sequence[str], p: Floats) -> pd.DataFrame:
    """Return the answers of `predict_frame`: best class, its probability, and that of each."""
    import pandas as pd

    best = [classes[i] for i in p.argmax(axis=1)]
    columns = {f"p_{name}": p[:, i] for i, name in enumerate(classes)}
    answer = {"image_type": best, "probability": p.max(axis=1), **columns}
    return pd.DataFrame(answer, index=images.index)


def softmax(logits: Floats) -> Floats:
    """Return probabilities [n, k] of logits [n, k]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)
