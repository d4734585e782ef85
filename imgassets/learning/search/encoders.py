"""Training the encoder that the settings name, as often as cross-fitting asks for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.search.data import Items, Judged
from imgassets.learning.search.dual import DualEncoder
from imgassets.learning.search.encoder import SearchEncoder
from imgassets.learning.search.features import PIXEL_GROUPS, feature_matrix
from imgassets.learning.search.interpolation import Interpolation, interpolate
from imgassets.search.settings import DUAL

if TYPE_CHECKING:
    from imgassets.learning.search.dual_training import DualTraining
    from imgassets.search.settings import SearchSettings
    from imgassets.settings import VisionSettings

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Embedded:
    """An encoder, and all items by it: those of the training, then those of the test.

    Attributes:
        encoder: the encoder.
        images: float32 [n, d].
    """

    encoder: SearchEncoder
    images: Floats


@dataclass(frozen=True)
class Tuned:
    """An encoder after fine-tuning.

    Attributes:
        embedded: at the strength that was chosen; None: there was no fine-tuning, or strength 0
            was.
        interpolation: how the strength was chosen; None: it was not.
        notes: what a person should know.
    """

    embedded: Embedded | None
    interpolation: Interpolation | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """A trial of fine-tuning, on a part of the items.

    Attributes:
        base: an encoder that learnt from some items.
        learnt: these.
        judged: queries judged over them.
        others: the rest.
        target: what fine-tuning is for, by an encoder and the vectors of the others.
    """

    base: Embedded
    learnt: Places
    judged: Judged
    others: Places
    target: Callable[[SearchEncoder, Floats], float]


class Training(Protocol):
    """What every kind of encoder offers to cross-fitting."""

    def fit(self, places: Places, judged: Judged, groups: Sequence[str] = PIXEL_GROUPS) -> Embedded:
        """Return an encoder that learnt from some items and queries, before fine-tuning."""
        ...

    def tune(
        self,
        base: Embedded,
        judged: Judged,
        held: Held,
    ) -> Tuned:
        """Fine-tune on all items of the training.

        Args:
            base: an encoder that learnt from all of them.
            judged: queries judged over them.
            held: how far it may go is tried on some of them.
        """
        ...


def open_training(
    train: Items, test: Items, search: SearchSettings, vision: VisionSettings, seed: int, tell: Tell
) -> Training:
    """Prepare to train the encoder that the settings name.

    Args:
        train: what may be learnt from.
        test: what is only embedded.
        search: encoder, sizes, epochs.
        vision: the general backbone and the device.
        seed: of everything random.
        tell: called with what is being done.

    Raises:
        RuntimeError: a model cannot be loaded.
    """
    if search.encoder == DUAL:
        from imgassets.learning.search.dual_training import DualTraining

        return _Dual(DualTraining((train, test), search, vision, seed, tell), len(train), search)
    return _Clip(train, test, search, vision, seed, tell)


@dataclass(frozen=True)
class _Dual:
    """Towers on the general backbone, then LoRA in its last block."""

    training: DualTraining
    n_train: int
    search: SearchSettings

    def fit(self, places: Places, judged: Judged, groups: Sequence[str] = PIXEL_GROUPS) -> Embedded:
        encoder = self.training.fit(groups, places, judged)
        return Embedded(encoder, self.training.images(encoder))

    def tune(
        self,
        base: Embedded,
        judged: Judged,
        held: Held,
    ) -> Tuned:
        training = self.training
        if not training.can_adapt:
            return Tuned(None, notes=("the encoder was not fine-tuned",))
        trial = training.fine_tune(_dual(held.base), held.learnt, held.judged)

        def both(strength: float) -> tuple[float, float]:
            encoder = trial.at(strength)
            found = held.target(encoder, training.images(encoder, held.others))
            return found, training.resemblance(trial, held.others)

        chosen = interpolate(both, self.search.keep_ability)
        if not chosen.strength:
            return Tuned(None, chosen)
        whole = training.fine_tune(_dual(base), np.arange(self.n_train), judged)
        encoder = whole.at(chosen.strength)
        return Tuned(Embedded(encoder, training.images(encoder)), chosen)


def _dual(embedded: Embedded) -> DualEncoder:
    if not isinstance(embedded.encoder, DualEncoder):
        raise TypeError(f"a dual encoder is wanted, not one of kind {embedded.encoder.kind}")
    return embedded.encoder


class _Clip:
    """A model of transformers, which needs no training to be asked; fine-tuned by LoRA."""

    def __init__(
        self,
        train: Items,
        test: Items,
        search: SearchSettings,
        vision: VisionSettings,
        seed: int,
        tell: Tell,
    ) -> None:
        from imgassets.learning.search.clip import ClipEncoder

        self._train, self._test, self._search, self._vision = train, test, search, vision
        self._seed, self._tell = seed, tell
        self._base = self._embed(ClipEncoder(search.encoder, search.encoder_revision, vision))

    def fit(self, places: Places, judged: Judged, groups: Sequence[str] = PIXEL_GROUPS) -> Embedded:
        return self._base

    def tune(
        self,
        base: Embedded,
        judged: Judged,
        held: Held,
    ) -> Tuned:
        from imgassets.learning.search.clip_training import train_clip

        if not self._search.lora_rank:
            return Tuned(None, notes=("the encoder was not fine-tuned",))
        tuned = train_clip(
            self._train, self._search, self._vision, self._seed, PIXEL_GROUPS,
            lambda done, total: self._tell(f"LoRA, batch {done} of {total}"),
        )  # fmt: skip
        return Tuned(self._embed(tuned.encoder), tuned.interpolation, tuned.notes)

    def _embed(self, encoder: SearchEncoder) -> Embedded:
        self._tell(f"images through {self._search.encoder}")
        parts = [
            encoder.embed_images(
                items.squares, feature_matrix(items.features, encoder.feature_groups)
            )
            for items in (self._train, self._test)
        ]
        return Embedded(encoder, np.concatenate(parts))
