"""Comparators that ask two hashes and a colour histogram, which must all agree (paper A, II-D)."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import cv2
import imagehash
import numpy as np
from PIL import Image, ImageFilter

from imgassets.selection.comparator import GRAYSCALE
from imgassets.selection.comparing import Comparator, Seen
from imgassets.selection.thresholds import GateLimits, Limits, SignalLimits
from imgassets.vision.signals import measure


class SignalDistances(NamedTuple):
    """The three distances of an ensemble.

    Attributes:
        phash: differing bits of 64.
        edge_dhash: likewise.
        hsv: chi-square of the histograms, 0 … 2.
    """

    phash: float
    edge_dhash: float
    hsv: float


class Ensemble(Comparator[Seen]):
    """Two hashes and a colour histogram that must all agree (paper A, II-D).

    The distance is the largest of the three, each as a share of its limit: 0 … infinity, and up to
    1 is "the same".

    Args:
        limits: largest distances of the three.
    """

    def __init__(self, limits: SignalLimits | GateLimits) -> None:
        self.limits = limits
        self._limits = tuple(limits.model_dump().values())

    @abstractmethod
    def parts(self, left: Seen, right: Seen) -> tuple[float, float, float]:
        """Return the three distances, in the order of the limits; they do not depend on them."""

    def distance(self, left: Seen, right: Seen) -> float:
        """Return the largest share of a limit that a distance takes up."""
        shares = zip(self.parts(left, right), self._limits, strict=True)
        return max(_share(part, limit) for part, limit in shares)

    def limit(self, limits: Limits) -> float:
        """Return 1: the limits are in the distance."""
        return 1.0


class WholeSignals(NamedTuple):
    """Two hashes of a whole picture, and shares of its pixels by hue, saturation and value."""

    phash: imagehash.ImageHash
    edge_dhash: imagehash.ImageHash
    hsv: np.ndarray


class PaperEnsemble(Ensemble[WholeSignals]):
    """The ensemble as the paper describes it, on whole pictures: margins and all.

    pHash, dHash of the picture after pillow's ``EDGE_ENHANCE_MORE``, and a histogram of 16 × 8 × 8
    bins of hue, saturation and value.
    """

    name = "paper_ensemble"
    title = "Hash ensemble (paper A)"

    def describe(self, picture: np.ndarray) -> WholeSignals:
        """Return both hashes and the histogram, which sums to 1."""
        image = Image.fromarray(picture)
        hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
        counts = cv2.calcHist([hsv], [0, 1, 2], None, [16, 8, 8], [0, 180, 0, 256, 0, 256]).ravel()
        return WholeSignals(
            imagehash.phash(image),
            imagehash.dhash(image.filter(ImageFilter.EDGE_ENHANCE_MORE)),
            counts / counts.sum(),
        )

    def parts(self, left: WholeSignals, right: WholeSignals) -> SignalDistances:
        """Return the three distances."""
        return SignalDistances(
            float(left.phash - right.phash),
            float(left.edge_dhash - right.edge_dhash),
            _chi_square(left.hsv, right.hsv),
        )


class StoredSignals(NamedTuple):
    """What ``image_signals`` keeps of a picture's hashes and colours.

    Attributes:
        phash: of the object's box.
        whole_phash: of the whole picture.
        edge_dhash: of the object's box, edges enhanced.
        whole_dhash: of the whole picture.
        hsv: shares of the object's colours.
        is_gray: the picture has no colour at all.
    """

    phash: int
    whole_phash: int
    edge_dhash: int
    whole_dhash: int
    hsv: np.ndarray
    is_gray: bool


class _OfSignals(Ensemble[StoredSignals]):
    """Ensembles that look at stored signals, as :mod:`imgassets.selection.comparator` does."""

    def describe(self, picture: np.ndarray) -> StoredSignals:
        """Return the signals that the ensemble looks at."""
        signals = measure(picture)
        return StoredSignals(
            int(signals.object_phash, 16),
            int(signals.phash, 16),
            int(signals.edge_dhash, 16),
            int(signals.dhash, 16),
            np.array(signals.hsv_histogram, np.float32),
            signals.colourfulness < GRAYSCALE,
        )

    @staticmethod
    def _colours(left: StoredSignals, right: StoredSignals) -> float:
        """Return the distance of colours; 0 where exactly one picture has any: they do not say."""
        return _chi_square(left.hsv, right.hsv) if left.is_gray == right.is_gray else 0.0


class SignalEnsemble(_OfSignals):
    """The ensemble on stored signals: of the object's box, and a histogram that tones hardly move.

    Where exactly one picture is a grayscale file, both hashes count twice.
    """

    name = "ensemble"
    title = "Hash ensemble (stored signals)"

    def parts(self, left: StoredSignals, right: StoredSignals) -> SignalDistances:
        """Return the three distances."""
        factor = 1.0 if left.is_gray == right.is_gray else 2.0
        return SignalDistances(
            factor * (left.phash ^ right.phash).bit_count(),
            factor * (left.edge_dhash ^ right.edge_dhash).bit_count(),
            self._colours(left, right),
        )


class Gate(_OfSignals):
    """What pairs must pass before anyone looks at their pixels: up to 1 they may be the same.

    No comparator of table IV; see :class:`imgassets.selection.thresholds.GateLimits`.
    """

    name = "gate"
    title = "Gate before the pixels"

    def parts(self, left: StoredSignals, right: StoredSignals) -> tuple[float, float, float]:
        """Return the distances of shape, edges and colours."""
        shapes = ((left.phash ^ right.phash), (left.whole_phash ^ right.whole_phash))
        edges = ((left.edge_dhash ^ right.edge_dhash), (left.whole_dhash ^ right.whole_dhash))
        return (
            float(min(bits.bit_count() for bits in shapes)),
            float(min(bits.bit_count() for bits in edges)),
            self._colours(left, right),
        )


def _chi_square(left: np.ndarray, right: np.ndarray) -> float:
    """Return the chi-square distance of two histograms that sum to 1: 0 … 2."""
    total = left + right
    return float((np.square(left - right) / np.where(total > 0, total, 1)).sum())


def _share(part: float, limit: float) -> float:
    if part <= 0:
        return 0.0
    return part / limit if limit > 0 else float("inf")
