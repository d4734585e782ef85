"""Backbones: squares of pixels in, one L2-normalised vector each out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from imgassets.vision.embedded import EmbeddedBackbone
from imgassets.vision.inputs import InputSpec
from imgassets.vision.record import SIGNALS_VERSION

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

EMBEDDED = "embedded"
"""Name of the backbone that needs no download."""


class Backbone(Protocol):
    """What every backbone offers.

    Attributes:
        name: what it is called in a row's ``signals_version``.
        dimension: length of its vectors.
        input: how it wants its pictures.
    """

    name: str
    dimension: int
    input: InputSpec

    def embed(self, squares: np.ndarray) -> np.ndarray:
        """Embed pictures made by :func:`imgassets.vision.inputs.prepare` for ``input``.

        A picture's vector does not depend on the others of its batch.

        Args:
            squares: RGB, uint8, pictures × side × side × 3; may be empty.

        Returns:
            float32, pictures × dimension, each row of length 1.
        """
        ...


def load_backbone(settings: VisionSettings) -> Backbone:
    """Load the backbone that the settings name, ready to embed.

    Raises:
        RuntimeError: the model cannot be loaded; the message says what to do.
    """
    if settings.backbone == EMBEDDED:
        return EmbeddedBackbone(settings.device, settings.workers)
    from imgassets.vision.pretrained import PretrainedBackbone

    return PretrainedBackbone(settings, backbone_name(settings))


def input_of(settings: VisionSettings) -> InputSpec:
    """Return how the backbone that the settings name wants its pictures; no weights are loaded.

    Raises:
        RuntimeError: there is no such model.
    """
    if settings.backbone == EMBEDDED:
        return EmbeddedBackbone.input
    from imgassets.vision.pretrained import pretrained_input

    return pretrained_input(settings)


def signals_version(settings: VisionSettings) -> str:
    """Name the algorithms and the backbone that make a row of signals.

    A local folder counts by its name and a hash of its weights and configuration, a hub model by
    its id and pinned revision.
    """
    return f"{SIGNALS_VERSION}+{backbone_name(settings)}"


def backbone_name(settings: VisionSettings) -> str:
    """Name the backbone and the very weights it uses."""
    if settings.backbone == EMBEDDED:
        return EmbeddedBackbone.name
    folder = Path(settings.backbone).expanduser()
    if folder.is_dir():
        return f"{folder.resolve().name}@{files_hash(_weight_files(folder.resolve()))}"
    return f"{settings.backbone}@{settings.backbone_revision or 'main'}"


def _weight_files(folder: Path) -> list[Path]:
    kinds = {".safetensors", ".json"}
    return sorted(path for path in folder.iterdir() if path.suffix in kinds)


def files_hash(paths: Sequence[Path]) -> str:
    """Hash files' names and contents, 12 hex digits; what did not change is not read again."""
    stats = [(path, path.stat()) for path in paths]
    return _hash(tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats))


@cache
def _hash(state: tuple[tuple[Path, int, int], ...]) -> str:
    """Hash files; their sizes and times make changed ones be read again."""
    digest = hashlib.sha256()
    for path, size, _ in state:
        digest.update(f"{path.name}:{size}:".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]
