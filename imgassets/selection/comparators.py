"""Comparators of two pictures that stand alone, and all of paper A's table IV by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import imagehash
import numpy as np
from PIL import Image

from imgassets.selection.comparing import Comparator
from imgassets.selection.ensembles import PaperEnsemble, SignalDistances, SignalEnsemble
from imgassets.selection.pairs.differences import measure_pair
from imgassets.selection.pairs.registration import reduce_for_comparison
from imgassets.selection.thresholds import Limits, SignalLimits
from imgassets.vision.inputs import prepare

if TYPE_CHECKING:
    from imgassets.vision.backbones import Backbone


class PixelCosine(Comparator[np.ndarray]):
    """1 - cosine of the pixels themselves, at 64 × 64: 0 … 1.

    Pixels are not negative and not centred, so that most pictures of one kind lie within 0.1 and
    plain ones of any two tones at 0. Black has no direction: it is 0 from black, 1 from all else.
    """

    name = "pixel_cosine"
    title = "Pixel cosine"
    side: ClassVar[int] = 64

    def describe(self, picture: np.ndarray) -> np.ndarray:
        """Return the pixels as a vector of length 1 (or 0: black), float32."""
        square = cv2.resize(picture, (self.side, self.side), interpolation=cv2.INTER_AREA)
        return _to_unit(square.ravel().astype(np.float32))

    def distance(self, left: np.ndarray, right: np.ndarray) -> float:
        """Return 1 - cosine."""
        return _cosine_distance(left, right)


class HashComparator(Comparator[imagehash.ImageHash]):
    """Differing bits of two 64-bit hashes of the whole picture, by the library imagehash: 0 … 64.

    Colour has no say. Plain pictures have nothing to hash: whatever their tones, they are alike, or
    one bit apart.
    """

    hash: ClassVar[Callable[[Image.Image], imagehash.ImageHash]]

    def describe(self, picture: np.ndarray) -> imagehash.ImageHash:
        """Return the hash."""
        return type(self).hash(Image.fromarray(picture))

    def distance(self, left: imagehash.ImageHash, right: imagehash.ImageHash) -> float:
        """Return the number of differing bits."""
        return float(left - right)


class AverageHash(HashComparator):
    """Which of 8 × 8 cells are lighter than the mean (Krawetz 2011)."""

    name = "average_hash"
    title = "Average hash"
    hash = staticmethod(imagehash.average_hash)


class PerceptualHash(HashComparator):
    """Which of the 8 × 8 lowest DCT frequencies are over their median (Krawetz 2011)."""

    name = "perceptual_hash"
    title = "Perceptual hash"
    hash = staticmethod(imagehash.phash)


class DifferenceHash(HashComparator):
    """Which of 9 × 8 cells are lighter than their left neighbour (Krawetz 2013)."""

    name = "difference_hash"
    title = "Difference hash"
    hash = staticmethod(imagehash.dhash)


class WaveletHash(HashComparator):
    """Which of 8 × 8 Haar coefficients are over their median (Petrov 2016)."""

    name = "wavelet_hash"
    title = "Wavelet hash"
    hash = staticmethod(imagehash.whash)


class Embedding(Comparator[np.ndarray]):
    """1 - cosine of a backbone's embeddings: 0 … 2.

    Args:
        backbone: see :func:`imgassets.vision.backbones.load_backbone`.
    """

    name = "embedding"
    title = "Embedding + cosine"

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone

    def describe(self, picture: np.ndarray) -> np.ndarray:
        """Return the embedding, a vector of length 1 (or 0), float32."""
        return self.describe_all([picture])[0]

    def describe_all(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Embed pictures in one batch."""
        if not pictures:
            return []
        squares = np.stack([prepare(picture, self.backbone.input) for picture in pictures])
        return [_to_unit(vector) for vector in self.backbone.embed(squares)]

    def distance(self, left: np.ndarray, right: np.ndarray) -> float:
        """Return 1 - cosine."""
        return _cosine_distance(left, right)


class Registered(Comparator[np.ndarray]):
    """1 - probability of "the same", by what differs once one picture lies over the other: 0 … 1.

    See :mod:`imgassets.selection.pairs`. The right picture is laid over the left one, so that the
    distance may change a little when they change places.

    Args:
        model: a file of `imgassets pairs train`; None: the shipped model.
    """

    name = "registered"
    title = "Registered local difference"

    def __init__(self, model: Path | None = None) -> None:
        self.model = model

    def describe(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture, reduced to the size that it is compared at."""
        return reduce_for_comparison(picture)

    def distance(self, left: np.ndarray, right: np.ndarray) -> float:
        """Return 1 - probability."""
        return float(self.distances([left], [right])[0])

    def distances(self, left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> np.ndarray:
        """Compare many pairs; the verdict on all of them is one call."""
        from imgassets.selection.pairs.verdict import probabilities

        measures = [measure_pair(*pair) for pair in zip(left, right, strict=True)]
        return 1.0 - probabilities(measures, self.model).astype(np.float64)

    def limit(self, limits: Limits) -> float:
        """Return what the least probability of "the same" leaves."""
        return 1.0 - limits.same_probability


def comparators(
    limits: Limits, backbone: Backbone | None = None, model: Path | None = None
) -> dict[str, Comparator[Any]]:
    """Return every comparator by name, in the order of the paper's table IV.

    Args:
        limits: of a category; distances depend on those of the ensembles alone.
        backbone: for embeddings; without it there is no comparator of embeddings.
        model: see :class:`Registered`.
    """
    paper = {
        name: limits.distances.get(f"paper_{name}", getattr(limits.ensemble, name))
        for name in SignalDistances._fields
    }
    every: list[Comparator[Any]] = [
        PixelCosine(),
        AverageHash(),
        PerceptualHash(),
        DifferenceHash(),
        WaveletHash(),
        PaperEnsemble(SignalLimits.model_validate(paper)),
        SignalEnsemble(limits.ensemble),
    ]
    if backbone is not None:
        every.append(Embedding(backbone))
    every.append(Registered(model))
    return {comparator.name: comparator for comparator in every}


def _to_unit(vector: np.ndarray) -> np.ndarray:
    """Return a vector of length 1; a zero vector stays as it is."""
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length > 0 else vector


def _cosine_distance(left: np.ndarray, right: np.ndarray) -> float:
    """Return 1 - cosine of vectors of length 1 or 0; two zero vectors are alike."""
    if np.array_equal(left, right):
        return 0.0  # Also where rounding would say 1e-8.
    # float32 sums over thousands of pixels are off by 1e-6, and not alike on every processor
    return max(0.0, 1.0 - float(left.astype(np.float64) @ right))
