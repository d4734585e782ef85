"""The encoders that a training makes: as trained first, without some features, fine-tuned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.search.data import Items, Judged
from imgassets.learning.search.dual import DualEncoder
from imgassets.learning.search.dual_training import TUNE, DualTraining
from imgassets.learning.search.encoder import SearchEncoder
from imgassets.learning.search.features import PIXEL_GROUPS, feature_matrix
from imgassets.learning.search.interpolation import Interpolation
from imgassets.learning.search.runs import image_run
from imgassets.search.measures import mean_of, measure
from imgassets.search.settings import DUAL

if TYPE_CHECKING:
    from imgassets.search.settings import SearchSettings
    from imgassets.settings import VisionSettings

IMAGES, TUNED = "images", "images, fine-tuned"
"""Names of the encoder as it was first, and after fine-tuning."""

_SHOWN = 10
"""Items of an answer that fine-tuning is judged by."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Embedded:
    """An encoder, and the items by it.

    Attributes:
        name: of the method.
        encoder: the encoder.
        images: the items' vectors by part, float32 [n, d].
        note: what to know about it.
    """

    name: str
    encoder: SearchEncoder
    images: Mapping[str, Floats]
    note: str = ""


@dataclass(frozen=True)
class Encoders:
    """What was trained.

    Attributes:
        all: every encoder; the first is the one that others are compared with.
        best: the one that answers.
        interpolation: how far fine-tuning went; None: there was none.
        notes: what a person should know.
    """

    all: tuple[Embedded, ...]
    best: Embedded
    interpolation: Interpolation | None
    notes: tuple[str, ...]


def train_encoders(
    parts: Mapping[str, Items],
    judged: Judged,
    questions: Judged,
    search: SearchSettings,
    vision: VisionSettings,
    seed: int,
    tell: Callable[[str], None],
    *,
    without: bool,
) -> Encoders:
    """Train the encoder that the settings name.

    Args:
        parts: items by part, see :mod:`imgassets.learning.search.dual_training`.
        judged: queries judged over the part that is learnt from.
        questions: queries judged over the tuning part.
        search: encoder, sizes, epochs.
        vision: the general backbone and the device.
        seed: of everything random.
        tell: called with what is being done.
        without: also train without each group of custom features.
    """
    if search.encoder != DUAL:
        return _train_clip(parts, search, vision, seed, tell)
    training = DualTraining(parts, judged, search, vision, seed, tell)

    def embedded(encoder: DualEncoder, name: str, note: str = "") -> Embedded:
        return Embedded(
            name, encoder, {part: training.images(encoder, part) for part in parts}, note
        )

    base = embedded(training.fit(PIXEL_GROUPS), IMAGES)
    found = [base]
    if without:
        for group in PIXEL_GROUPS:
            rest = tuple(other for other in PIXEL_GROUPS if other != group)
            found.append(embedded(training.fit(rest), f"{IMAGES}, without {group}"))
    if not training.can_adapt:
        return Encoders(tuple(found), base, None, ("the encoder was not fine-tuned",))

    def target(encoder: DualEncoder) -> float:
        run = image_run(
            parts[TUNE].rows, questions.queries, encoder.embed_texts,
            training.images(encoder, TUNE), most=_SHOWN,
        )  # fmt: skip
        return mean_of(measure(run, questions.judgements, cut=1))

    assert isinstance(base.encoder, DualEncoder)
    tuned, interpolation = training.fine_tune(base.encoder, target)
    note = f"strength {interpolation.strength:g} of LoRA"
    best = embedded(tuned, TUNED, note)
    return Encoders((*found, best), best, interpolation, ())


def _train_clip(
    parts: Mapping[str, Items],
    search: SearchSettings,
    vision: VisionSettings,
    seed: int,
    tell: Callable[[str], None],
) -> Encoders:
    from imgassets.learning.search.clip import ClipEncoder
    from imgassets.learning.search.clip_training import train_clip
    from imgassets.learning.search.dual_training import LEARN

    def embedded(encoder: SearchEncoder, name: str) -> Embedded:
        tell(f"{name}: images through {search.encoder}")
        images = {
            part: encoder.embed_images(
                items.squares, feature_matrix(items.features, encoder.feature_groups)
            )
            for part, items in parts.items()
        }
        return Embedded(name, encoder, images)

    base = embedded(ClipEncoder(search.encoder, search.encoder_revision, vision), IMAGES)
    if not search.lora_rank:
        return Encoders((base,), base, None, ("the encoder was not fine-tuned",))
    tuned = train_clip(
        parts[LEARN], search, vision, seed, PIXEL_GROUPS,
        lambda done, total: tell(f"LoRA, batch {done} of {total}"),
    )  # fmt: skip
    best = embedded(tuned.encoder, TUNED)
    return Encoders((base, best), best, tuned.interpolation, tuned.notes)
