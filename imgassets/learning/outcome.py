"""What the training of any registered model came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imgassets.learning.registered import RegisteredVersion


@dataclass(frozen=True, kw_only=True)
class TrainingOutcome:
    """What a training did.

    Attributes:
        version: the version these examples belong to: new, or the one they made before.
        retrained: a new version was registered.
        promoted: the champion's alias moved to `version` now.
        explanation: one sentence: what was decided, and by how much.
        metrics: measures by name, of what was held out unless a name says otherwise.
        n_train: examples trained on.
        n_test: examples held out.
        notes: what was left out and why.
    """

    version: RegisteredVersion
    retrained: bool
    promoted: bool
    explanation: str
    metrics: Mapping[str, float]
    n_train: int
    n_test: int
    notes: tuple[str, ...] = ()
