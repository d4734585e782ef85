"""Limits on a probability, chosen from out-of-fold answers, and the measures at a limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEVER = 1.0
"""A limit that no probability reaches (models answer less than 1): nothing is decided by it."""

_REVIEW_RECALL = 0.95
"""Share of known positives that the review limit lets people see."""

REVIEW_SHARE = 0.05
"""Share of the negatives that may be asked about, at most: people's time is the limit."""

_WITHOUT_POSITIVES = ("n", "positives", "false_discards")

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Measures:
    """How well yes/no answers agree with the truth.

    Attributes:
        n: images compared.
        positives: images that deserve the flag.
        precision: share of the answered positives that are right; 0 where nothing was answered.
        recall: share of the true positives that were found; 0 where there are none.
        f1: their harmonic mean.
        false_discards: share of the *real* negatives (no synthetic ones) that were answered yes.
    """

    n: int
    positives: int
    precision: float
    recall: float
    f1: float
    false_discards: float

    def flat(self, prefix: str = "") -> dict[str, float]:
        """Return the measures under flat names, e.g. ``recall``.

        Where no image deserves the flag, precision, recall and F1 measure nothing: left out.
        """
        told = vars(self) if self.positives else _WITHOUT_POSITIVES
        return {f"{prefix}{name}": float(vars(self)[name]) for name in told}


def measures(truth: Bools, answers: Bools, real: Bools) -> Measures:
    """Compare answers with the truth.

    Args:
        truth: [n] whether an image deserves the flag.
        answers: [n] whether it was given.
        real: [n] whether the image came from a supplier (and was not made here).
    """
    hits = int(np.sum(truth & answers))
    precision = hits / max(int(answers.sum()), 1)
    recall = hits / max(int(truth.sum()), 1)
    good = ~truth & real
    return Measures(
        n=len(truth),
        positives=int(truth.sum()),
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / max(precision + recall, 1e-12),
        false_discards=float(np.sum(answers & good)) / max(int(good.sum()), 1),
    )


@dataclass(frozen=True)
class Limits:
    """Probabilities from which something is done about an image.

    Attributes:
        flag: the flag is answered 'yes': best F1 with few good images discarded.
        reject: sure enough to keep the image out without asking.
        review: worth asking people.
    """

    flag: float
    reject: float
    review: float


def choose_limits(
    truth: Bools,
    p: Floats,
    real: Bools,
    *,
    max_false_discards: float,
    reject_precision: float,
    min_rejections: int,
) -> Limits:
    """Choose limits on answers that the model did not see in training (out of fold).

    Args:
        truth: [n] whether an image deserves the flag; at least one does.
        p: [n] probabilities, out of fold.
        real: [n] as in :func:`measures`.
        max_false_discards: share of real negatives that the limit `flag` may discard.
        reject_precision: precision that `reject` needs.
        min_rejections: true positives over `reject` without which it is :data:`NEVER`.

    Returns:
        The limits; each lies halfway between two neighbouring probabilities, so that it keeps
        some distance from both.
    """
    order = np.argsort(-p, kind="stable")
    sorted_p, sorted_truth = p[order], truth[order]
    hits = np.cumsum(sorted_truth)
    given = np.arange(1, len(p) + 1)
    discards = np.cumsum(~sorted_truth & real[order]) / max(int(np.sum(~truth & real)), 1)
    precision, recall = hits / given, hits / max(int(truth.sum()), 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    # A limit can stand only between two different probabilities.
    following = np.append(sorted_p[1:], 0.0)
    possible = sorted_p > following
    middle = (sorted_p + following) / 2
    cuts = np.where(middle > following, middle, sorted_p)  # between neighbouring floats is none

    # A limit over which there is no positive would be answered with nothing but mistakes.
    allowed = possible & (discards <= max_false_discards) & (hits > 0)
    flag = float(cuts[np.where(allowed, f1, -1).argmax()]) if allowed.any() else NEVER
    sure = possible & (precision >= reject_precision) & (hits >= min_rejections)
    reject = float(cuts[np.flatnonzero(sure)[-1]]) if sure.any() else NEVER
    asked = np.cumsum(~sorted_truth) / max(int(np.sum(~truth)), 1)
    wide = possible & (asked <= REVIEW_SHARE)
    enough = wide & (recall >= _REVIEW_RECALL)
    if enough.any():
        review = float(cuts[np.flatnonzero(enough)[0]])
    else:
        review = float(cuts[np.flatnonzero(wide)[-1]]) if wide.any() else flag
    return Limits(flag=flag, reject=max(reject, flag), review=min(review, flag))
