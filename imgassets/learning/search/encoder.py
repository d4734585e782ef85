"""What every encoder of images and texts offers, and how one is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.registered import hash_files
from imgassets.search.settings import DUAL
from imgassets.vision import backbones
from imgassets.vision.inputs import InputSpec

if TYPE_CHECKING:
    from imgassets.search.settings import SearchSettings
    from imgassets.settings import VisionSettings

ABOUT = "encoder.json"
"""File of a saved encoder: its kind, and what its class keeps beside the weights."""


class SearchEncoder(Protocol):
    """Images and texts to vectors of one space; an inner product is their likeness.

    Attributes:
        kind: 'dual' or 'clip'.
        dimension: length of a vector.
        input: how it wants its pictures.
        feature_groups: groups of custom features that its image side reads beside the pixels
            (:data:`imgassets.learning.search.features.GROUPS`); () for none.
    """

    kind: str
    dimension: int
    input: InputSpec
    feature_groups: tuple[str, ...]

    def embed_images(
        self, squares: NDArray[np.uint8], features: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Embed pictures; a picture's vector does not depend on the others of its batch.

        Args:
            squares: RGB, pictures × side × side × 3, made for ``input``; may be empty.
            features: pictures × features, of ``feature_groups``.

        Returns:
            pictures × dimension, each row of length 1.
        """
        ...

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts of any length; what is beyond a model's limit is cut off.

        Returns:
            texts × dimension, each row of length 1.
        """
        ...

    def unknown_words(self, text: str) -> list[str]:
        """Return the words of a text that the encoder was never taught anything about."""
        ...

    def save(self, folder: Path) -> None:
        """Write the weights (safetensors alone) and :data:`ABOUT` into an existing folder."""
        ...


def load_encoder(folder: Path, vision: VisionSettings) -> SearchEncoder:
    """Load a saved encoder, ready to embed.

    Args:
        folder: what :meth:`SearchEncoder.save` wrote.
        vision: device, threads, and where the general backbone is.

    Raises:
        ValueError: the folder holds no encoder, or one of another backbone than the settings'.
        RuntimeError: a model that it was made from cannot be loaded.
    """
    try:
        kind = json.loads((folder / ABOUT).read_text())["kind"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder} holds no encoder: {error}") from error
    if kind == "dual":
        from imgassets.learning.search.dual import DualEncoder

        return DualEncoder.load(folder, vision)
    if kind == "clip":
        from imgassets.learning.search.clip import ClipEncoder

        return ClipEncoder.load(folder, vision)
    raise ValueError(f"{folder} holds an encoder of the unknown kind {kind!r}")


def encoder_version(folder: Path) -> str:
    """Name a saved encoder by its kind and what its files hold: equal names, equal vectors."""
    kind = json.loads((folder / ABOUT).read_text())["kind"]
    files = json.dumps(hash_files(folder), sort_keys=True)
    return f"{kind}-{hashlib.sha256(files.encode()).hexdigest()[:12]}"


def input_of(search: SearchSettings, vision: VisionSettings) -> InputSpec:
    """Return how the encoder that the settings name wants its pictures; no weights are loaded.

    Raises:
        RuntimeError: there is no such model.
    """
    if search.encoder == DUAL:
        return backbones.input_of(vision)
    from imgassets.learning.search.clip import clip_input

    return clip_input(search.encoder, search.encoder_revision)
