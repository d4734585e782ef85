"""The search model that answers."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imgassets.learning.champions import load_champions
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.search.encoder import encoder_version
from imgassets.learning.search.model import ENCODER, SearchModel

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

MODEL = "product_search"
"""Name of the registered model: encoder, attribute heads and re-ranker in one bundle."""


@dataclass(frozen=True)
class SearchChampion:
    """What images are embedded, found and re-ranked by.

    Attributes:
        model: the champion; None where there is none, or only its files were asked for.
        version: its name, such as ``product_search-3``; '' where there is none.
        encoder_version: names its encoder by content; '' where there is none.
        folder: its files; read only.
        notes: what a person should know: a registry that is down.
    """

    model: SearchModel | None = None
    version: str = ""
    encoder_version: str = ""
    folder: Path | None = None
    notes: tuple[str, ...] = ()


def find_search_model(registry: ModelRegistry) -> SearchChampion:
    """Return the champion's files and names without loading it.

    Args:
        registry: where it is; while it is down, the champion that it named last answers.

    Raises:
        CorruptedModel: the champion's files are not those that were registered.
        ValueError: they hold no encoder.
    """
    champions, notes = load_champions(registry, [MODEL])
    if (served := champions.get(MODEL)) is None:
        return SearchChampion(notes=tuple(notes))
    return SearchChampion(
        None,
        f"{MODEL}-{served.version.version}",
        encoder_version(served.folder / ENCODER),
        served.folder,
        tuple(notes),
    )


def load_search_model(registry: ModelRegistry, vision: VisionSettings) -> SearchChampion:
    """Return the champion, ready to answer.

    Args:
        registry: as for :func:`find_search_model`.
        vision: device, threads, and where the general backbone is.

    Raises:
        CorruptedModel: the champion's files are not those that were registered.
        ValueError: the champion was trained with another backbone than the settings'.
        RuntimeError: a model that its encoder was made from cannot be loaded.
    """
    found = find_search_model(registry)
    if found.folder is None:
        return found
    return replace(found, model=load_version(found.folder, vision.model_dump_json()))


@functools.lru_cache(maxsize=4)
def load_version(folder: Path, vision: str) -> SearchModel:
    """Load a registered version; its folder never changes, so once is enough.

    Args:
        folder: the bundle.
        vision: JSON of :class:`imgassets.settings.VisionSettings`, which cannot be hashed.

    Raises:
        ValueError: the folder holds no search model, or one of another backbone.
        RuntimeError: a model that its encoder was made from cannot be loaded.
    """
    from imgassets.settings import VisionSettings

    return SearchModel.load(folder, VisionSettings.model_validate_json(vision))
