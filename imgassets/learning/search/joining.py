"""Custom features in an image's vector: standardised, projected, added."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SMALLEST = 1e-6
"""Standard deviation below which a feature says nothing."""


@dataclass(frozen=True)
class FeatureProjection:
    """A linear map of custom features into the space of vectors.

    Attributes:
        groups: of :data:`imgassets.learning.search.features.GROUPS`.
        mean: of each feature, float32 [features].
        scale: what the rest is divided by, float32 [features].
        weight: float32 [features, dimension]; all 0: vectors stay as they are.
    """

    groups: tuple[str, ...]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weight: NDArray[np.float32]

    @classmethod
    def untrained(
        cls, groups: tuple[str, ...], features: NDArray[np.float32], dimension: int
    ) -> FeatureProjection:
        """Return one that standardises by some pictures' features and changes no vector."""
        spread = features.std(axis=0)
        return cls(
            groups,
            features.mean(axis=0).astype(np.float32),
            np.where(spread > _SMALLEST, spread, 1).astype(np.float32),
            np.zeros((features.shape[1], dimension), np.float32),
        )

    def standardise(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return features with mean 0 and standard deviation 1 over the training pictures."""
        return ((features - self.mean) / self.scale).astype(np.float32)

    def join(
        self, vectors: NDArray[np.float32], features: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Add projected features to vectors; each row comes out with length 1.

        Args:
            vectors: pictures × dimension, of length 1.
            features: pictures × features.

        Raises:
            ValueError: the features are not those of :attr:`groups`.
        """
        if features.shape != (len(vectors), len(self.mean)):
            raise ValueError(
                f"{len(vectors)} pictures × {len(self.mean)} features of the groups "
                f"{', '.join(self.groups)} are wanted, not {features.shape}"
            )
        # Not a matrix product: its rounding would depend on how many rows there are.
        added = np.einsum("nf,fd->nd", self.standardise(features), self.weight)
        joined = vectors + added
        return joined / np.linalg.norm(joined, axis=1, keepdims=True)

    def scaled(self, strength: float) -> FeatureProjection:
        """Return one between no features (0) and this one (1)."""
        return replace(self, weight=(self.weight * np.float32(strength)).astype(np.float32))

    def save(self, path: Path) -> None:
        """Write it as safetensors."""
        from safetensors.numpy import save_file

        save_file({"mean": self.mean, "scale": self.scale, "weight": self.weight}, path)

    @classmethod
    def load(cls, path: Path, groups: tuple[str, ...]) -> FeatureProjection:
        """Load what :meth:`save` wrote.

        Raises:
            ValueError: the file holds no projection.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            values = load_file(path)
            return cls(groups, values["mean"], values["scale"], values["weight"])
        except (OSError, KeyError, SafetensorError) as error:
            raise ValueError(f"{path} holds no projection of features: {error}") from error
