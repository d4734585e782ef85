"""The ranker that answers."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from imgassets.learning.champions import load_champions
from imgassets.learning.ranking.net import RankerModel
from imgassets.learning.registry import ModelRegistry

MODEL = "review_ranker"
"""Name of the registered model."""


@dataclass(frozen=True)
class Ranker:
    """What scores review photos.

    Attributes:
        model: the champion; None where there is none for these features.
        version: its name, such as ``review_ranker-3``; '' where there is none.
        notes: what a person should know: a registry that is down, a champion of other features.
    """

    model: RankerModel | None = None
    version: str = ""
    notes: tuple[str, ...] = ()


def load_ranker(registry: ModelRegistry, features_version: str) -> Ranker:
    """Return the champion; one that was trained on other features is passed over, with a note.

    Args:
        registry: where it is; while it is down, the champion that it named last answers.
        features_version: of the photos that are to be scored.

    Raises:
        CorruptedModel: the champion's files are not those that were registered.
    """
    champions, notes = load_champions(registry, [MODEL])
    if (served := champions.get(MODEL)) is None:
        return Ranker(notes=tuple(notes))
    model = load_version(served.folder)
    name = f"{MODEL}-{served.version.version}"
    if model.features_version != features_version:
        notes.append(
            f"{name} reads features '{model.features_version}', not '{features_version}': train it "
            "again (`imgassets train ranker`)"
        )
        return Ranker(notes=tuple(notes))
    return Ranker(model, name, tuple(notes))


@functools.lru_cache(maxsize=8)
def load_version(folder: Path) -> RankerModel:
    """Load a registered version; its folder never changes, so once is enough.

    Raises:
        ValueError: the folder holds no ranker.
    """
    return RankerModel.load(folder)
