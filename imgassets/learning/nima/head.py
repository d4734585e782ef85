"""A head of NIMA: features in, the distribution of people's ratings from 1 to 10 out.

Talebi and Milanfar, "NIMA: Neural Image Assessment" (IEEE TIP 27(8), 2018): a dense layer with
softmax over ten ratings. A registered version carries a copy of this file beside the weights (see
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

RATINGS = 10
"""Ratings are 1 … 10."""

_SCALE = np.arange(1, RATINGS + 1, dtype=np.float64)

Floats = NDArray[np.float32]


class NimaHead:
    """Distribution of ratings of photos, from the features that are stored of them.

    Args:
        kind: what is rated: ``aesthetic`` or ``technical``.
        weight: float [d, 10].
        bias: float [10].
        features_version: what the features come from.
        length: numbers in a photo's stored features.
        start: place of the first one that this head reads; it reads d of them.
        info: how it was made, JSON-able.
    """

    def __init__(
        self,
        kind: str,
        weight: NDArray[np.floating],
        bias: NDArray[np.floating],
        features_version: str,
        *,
        length: int,
        start: int = 0,
        info: dict[str, Any] | None = None,
    ) -> None:
        self.kind = kind
        self.weight = np.ascontiguousarray(weight, dtype=np.float32)
        self.bias = np.ascontiguousarray(bias, dtype=np.float32)
        self.features_version = features_version
        self.length = length
        self.start = start
        self.info = info or {}
        stop = start + len(self.weight)
        if self.weight.shape[1:] != (RATINGS,) or self.bias.shape != (RATINGS,) or stop > length:
            raise ValueError(
                f"a head of {self.weight.shape} and {self.bias.shape} from {start} does not fit "
                f"{length} features and {RATINGS} ratings"
            )
        self._read = slice(start, stop)

    def distribution(self, features: NDArray[np.floating]) -> Floats:
        """Return each photo's distribution of ratings.

        Args:
            features: float [n, length], as stored.

        Returns:
            float32 [n, 10], shares of the ratings 1 … 10; each row sums to 1.

        Raises:
            ValueError: the features have another length.
        """
        if len(features) == 0:
            return np.zeros((0, RATINGS), np.float32)
        if features.shape[1] != self.length:
            raise ValueError(
                f"the {self.kind} head of NIMA takes {self.length} features "
                f"('{self.features_version}'), got {features.shape[1]}: train it again "
                f"(`imgassets train nima --kind {self.kind}`)"
            )
        logits = features[:, self._read].astype(np.float64) @ self.weight + self.bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    def predict_frame(self, photos: pd.DataFrame) -> pd.DataFrame:
        """Answer rows of `nima` (a list of features) with `mean`, `std` and `distribution`."""
        import pandas as pd

        found = self.distribution(np.asarray(photos["nima"].to_list(), dtype=np.float32))
        answer = {
            "mean": mean_rating(found), "std": rating_std(found), "distribution": found.tolist()
        }  # fmt: skip
        return pd.DataFrame(answer, index=photos.index)

    def save(self, folder: Path) -> None:
        """Write `head.safetensors` and `head.json` into `folder`, which is made if need be."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file({"weight": self.weight, "bias": self.bias}, folder / "head.safetensors")
        described = {
            "kind": self.kind,
            "features_version": self.features_version,
            "length": self.length,
            "start": self.start,
            "info": self.info,
        }
        (folder / "head.json").write_text(json.dumps(described, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> NimaHead:
        """Read a head that :meth:`save` wrote.

        Raises:
            ValueError: the folder does not hold what :meth:`save` writes.
        """
        from safetensors.numpy import load_file

        try:
            described = json.loads((Path(folder) / "head.json").read_text(encoding="utf-8"))
            weights = load_file(Path(folder) / "head.safetensors")
            return cls(
                described["kind"],
                weights["weight"],
                weights["bias"],
                described["features_version"],
                length=described["length"],
                start=described["start"],
                info=described["info"],
            )
        except Exception as error:  # damaged weights fail in as many ways as there are formats
            raise ValueError(
                f"{folder} holds no readable head of NIMA ({type(error).__name__}: {error}); "
                "register it again or train again"
            ) from error


load_model = NimaHead.load
"""What a registered version is loaded with."""


def mean_rating(distribution: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean rating, 1 … 10, of distributions [n, 10]: float64 [n]."""
    shares = distribution.astype(np.float64)
    # Shares are rounded to float32: their mean must not leave the scale.
    mean: NDArray[np.float64] = np.clip(shares @ _SCALE / shares.sum(axis=1), 1, RATINGS)
    return mean


def rating_std(distribution: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the standard deviation of the ratings of distributions [n, 10]: float64 [n]."""
    mean = mean_rating(distribution)
    shares = distribution.astype(np.float64)
    squares = (shares * (_SCALE - mean[:, None]) ** 2).sum(axis=1) / shares.sum(axis=1)
    std: NDArray[np.float64] = np.sqrt(squares)
    return std
