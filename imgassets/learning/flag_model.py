"""A classifier of one flag: a head on stored signals and embeddings, with its limits.

A registered version carries a copy of this file beside the weights (see
:mod:`imgassets.learning.registry`): it must not import anything else of imgassets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

MOST = 1 - 1e-6
"""Largest probability answered: a limit of 1 means never."""

_TREE = "sklearn.tree._tree.Tree"
"""A forest's trees, which skops does not trust: nodes point at each other unchecked. What it loads
of them is checked here (:func:`_require_sound_trees`)."""


class FlagModel:
    """Probability that an image deserves a flag.

    Args:
        flag: the flag.
        approach: how it was made, e.g. ``logistic``.
        estimator: a fitted scikit-learn classifier of features; its second class is 'yes'.
        limits: probabilities from which the flag is given (``flag``), the image rejected
            (``reject``) and people asked (``review``).
        scalars: names of the features before the embedding.
        signals_version: signals (algorithms and backbone) that the features come from.
        info: how it was made, JSON-able.
    """

    def __init__(
        self,
        flag: str,
        approach: str,
        estimator: Any,  # noqa: ANN401  scikit-learn has no common base with predict_proba
        limits: dict[str, float],
        scalars: tuple[str, ...],
        signals_version: str,
        info: dict[str, Any],
    ) -> None:
        self.flag = flag
        self.approach = approach
        self.estimator = estimator
        self.limits = limits
        self.scalars = scalars
        self.signals_version = signals_version
        self.info = info

    def predict_proba(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return each image's probability of deserving the flag.

        Args:
            features: float32 [n, len(scalars) + d].

        Returns:
            float32 [n], each less than 1.

        Raises:
            ValueError: the features have another length.
        """
        if len(features) == 0:
            return np.zeros(0, dtype=np.float32)
        wanted = self.estimator.n_features_in_
        if features.shape[1] != wanted:
            raise ValueError(
                f"the model of '{self.flag}' takes {wanted} numbers (signals "
                f"'{self.signals_version}'), got {features.shape[1]}: train it again"
            )
        p = self.estimator.predict_proba(features)[:, 1]
        return np.minimum(p, MOST).astype(np.float32)

    def predict_frame(self, images: pd.DataFrame) -> pd.DataFrame:
        """Answer rows of the scalars and `embedding` (a list of d floats).

        Returns:
            `probability`, and `flagged`: whether it reaches the limit.
        """
        import pandas as pd

        rows = [
            np.concatenate([[row[name] for name in self.scalars], row["embedding"]])
            for _, row in images.iterrows()
        ]
        features = np.asarray(rows, dtype=np.float32)
        p = self.predict_proba(features)
        answer = {"probability": p, "flagged": p >= self.limits["flag"]}
        return pd.DataFrame(answer, index=images.index)

    def save(self, folder: Path) -> None:
        """Write `head.skops` and `flag.json` into `folder`, which is made if need be."""
        import skops.io

        folder.mkdir(parents=True, exist_ok=True)
        skops.io.dump(self.estimator, folder / "head.skops")
        described = {
            "flag": self.flag,
            "approach": self.approach,
            "limits": self.limits,
            "scalars": self.scalars,
            "signals_version": self.signals_version,
            "info": self.info,
        }
        (folder / "flag.json").write_text(json.dumps(described, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> FlagModel:
        """Read a model that :meth:`save` wrote; skops builds no type that it does not trust.

        Raises:
            ValueError: the folder does not hold what :meth:`save` writes.
        """
        import skops.io

        try:
            described = json.loads((Path(folder) / "flag.json").read_text(encoding="utf-8"))
            model = cls(
                flag=described["flag"],
                approach=described["approach"],
                estimator=skops.io.load(Path(folder) / "head.skops", trusted=[_TREE]),
                limits=described["limits"],
                scalars=tuple(described["scalars"]),
                signals_version=described["signals_version"],
                info=described["info"],
            )
            _require_sound_trees(model.estimator)
            model.predict_proba(np.zeros((1, model.estimator.n_features_in_), np.float32))
        except Exception as error:  # a damaged archive fails in as many ways as there are types
            raise ValueError(
                f"{folder} holds no readable model of a flag ({type(error).__name__}: {error}); "
                "register it again or train again"
            ) from error
        return model


load_model = FlagModel.load
"""What a registered version is loaded with."""


def _require_sound_trees(estimator: Any) -> None:  # noqa: ANN401
    """Raise ValueError unless every tree's nodes exist, lead downwards and split known features."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    for member in getattr(last, "estimators_", ()):
        tree = member.tree_
        nodes = np.arange(tree.node_count)
        left, right = tree.children_left, tree.children_right
        inner = (left != -1) | (right != -1)
        for children in (left[inner], right[inner]):
            if np.any((children <= nodes[inner]) | (children >= tree.node_count)):
                raise ValueError("a tree's nodes lead nowhere")
        if np.any((tree.feature[inner] < 0) | (tree.feature[inner] >= tree.n_features)):
            raise ValueError("a tree splits features that there are not")
