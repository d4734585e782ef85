"""The dual encoder: a backbone and a small text tower, trained on the catalog's own pairs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.search.encoder import ABOUT
from imgassets.learning.search.lora import load_lora, save_lora
from imgassets.learning.search.tokens import Vocabulary
from imgassets.learning.search.towers import image_vectors, padded, text_vectors
from imgassets.vision.backbones import backbone_name, load_backbone
from imgassets.vision.inputs import InputSpec
from imgassets.vision.last_block import LastBlock, load_last_block

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

_WEIGHTS, _LORA = "towers.safetensors", "lora.safetensors"

_CHUNK = 32
"""Pictures in one pass, always: kernels are chosen by shape, and another one rounds differently."""

Floats = NDArray[np.float32]


class Pictures(Protocol):
    """Turns squares into a backbone's vectors; :class:`imgassets.vision.backbones.Backbone` does.

    Attributes:
        input: how it wants its pictures.
    """

    input: InputSpec

    def embed(self, squares: np.ndarray) -> np.ndarray:
        """Return float32 [n, d], each row of length 1."""
        ...


class AdaptedBackbone:
    """A backbone whose last block has LoRA's adapters.

    Args:
        block: the backbone, cut before its last block, which was made adaptable.
    """

    def __init__(self, block: LastBlock) -> None:
        self.block = block
        self.input = block.input

    def embed(self, squares: np.ndarray) -> np.ndarray:
        """Return vectors; see :meth:`Pictures.embed`."""
        return self.answer(self.block.trunk(squares))

    def answer(self, hidden: Any) -> np.ndarray:  # noqa: ANN401  a torch tensor
        """Return the vectors of what the trunk returned."""
        import torch
        from torch.nn.functional import normalize

        with torch.inference_mode():
            parts = [
                normalize(self.block.tail(part), dim=1)[:n].cpu().numpy()
                for part, n in _chunks(hidden, torch.cat, torch.zeros_like)
            ]
        return np.concatenate(parts)


class _Unloaded:
    """A backbone that is loaded when the first picture comes: texts need none, and no torch.

    Args:
        load: loads it.
        spec: how it wants its pictures.
    """

    def __init__(self, load: Callable[[], Pictures], spec: InputSpec) -> None:
        self.input = spec
        self._load = load

    @cached_property
    def loaded(self) -> Pictures:
        """The backbone."""
        return self._load()

    def embed(self, squares: np.ndarray) -> np.ndarray:
        """Return vectors; see :meth:`Pictures.embed`."""
        return self.loaded.embed(squares)


class DualEncoder:
    """See :class:`imgassets.learning.search.encoder.SearchEncoder`.

    Args:
        vocabulary: the tokens of texts.
        weights: of both towers.
        feature_groups: of the custom features that the pictures' tower reads behind the vector.
        pictures: the backbone, with or without adapters.
        backbone: its name, without adapters.
        strength: what the adapters count, 0 … 1.
    """

    kind = "dual"

    def __init__(
        self,
        vocabulary: Vocabulary,
        weights: dict[str, Floats],
        feature_groups: Sequence[str],
        pictures: Pictures,
        backbone: str,
        strength: float = 1.0,
    ) -> None:
        self.vocabulary = vocabulary
        self.weights = weights
        self.feature_groups = tuple(feature_groups)
        self.pictures = pictures
        self.input = pictures.input
        self.dimension = len(weights["image.second_bias"])
        self._backbone = backbone
        self._strength = strength

    def between(
        self, weights: dict[str, Floats], pictures: AdaptedBackbone, strength: float
    ) -> DualEncoder:
        """Return this encoder with other weights on an adapted backbone."""
        return DualEncoder(
            self.vocabulary, weights, self.feature_groups, pictures, self._backbone, strength
        )

    def embed_images(self, squares: NDArray[np.uint8], features: Floats) -> Floats:
        """Embed pictures; see the interface."""
        return self.project(self.pictures.embed(squares), features)

    def project(self, vectors: Floats, features: Floats) -> Floats:
        """Return the vectors of pictures that the backbone has embedded already.

        Args:
            vectors: n × the backbone's dimension.
            features: n × features, of ``feature_groups``.
        """
        inputs = np.hstack([vectors, features])
        parts = _chunks(inputs, np.concatenate, np.zeros_like)
        return np.concatenate([image_vectors(self.weights, part)[:n] for part, n in parts])

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Embed texts; see the interface."""
        # One by one, so that a text's vector does not depend on those beside it.
        alone = [text_vectors(self.weights, *padded([self.vocabulary.numbers(t)])) for t in texts]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *alone])

    def unknown_words(self, text: str) -> list[str]:
        """Return words of which not even the stem was in a text that was learnt from."""
        return self.vocabulary.unknown(text)

    def save(self, folder: Path) -> None:
        """Write towers, vocabulary and adapters; the backbone itself is where it was."""
        from safetensors.numpy import save_file

        save_file({k: np.ascontiguousarray(v) for k, v in self.weights.items()}, folder / _WEIGHTS)
        pictures = self.pictures
        pictures = pictures.loaded if isinstance(pictures, _Unloaded) else pictures
        if isinstance(pictures, AdaptedBackbone):
            save_lora(pictures.block.adaptable()[0], folder / _LORA, self._strength)
        about = {
            "kind": self.kind,
            "backbone": self._backbone,
            "input": self.input,
            "strength": self._strength,
            "feature_groups": self.feature_groups,
            "vocabulary": self.vocabulary.tokens,
        }
        (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, vision: VisionSettings) -> DualEncoder:
        """Load what :meth:`save` wrote.

        Raises:
            ValueError: it was trained on another backbone than the settings'.
        """
        from safetensors.numpy import load_file

        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if about["backbone"] != (name := backbone_name(vision)):
            raise ValueError(
                f"the encoder reads the backbone '{about['backbone']}', and the settings name "
                f"'{name}': set IMGASSETS_VISION__BACKBONE back, or train again "
                "(`imgassets train search`)"
            )

        def pictures() -> Pictures:
            if not (folder / _LORA).is_file():
                return load_backbone(vision)
            block = load_last_block(vision)
            load_lora(block.adaptable()[0], folder / _LORA)
            return AdaptedBackbone(block)

        return cls(
            Vocabulary(about["vocabulary"]),
            load_file(folder / _WEIGHTS),
            about["feature_groups"],
            _Unloaded(pictures, InputSpec(*about["input"])),
            name,
            about["strength"],
        )


def _chunks(
    rows: Any,  # noqa: ANN401  an array or a tensor
    join: Callable[[list[Any]], Any],
    zeros: Callable[[Any], Any],
) -> Iterator[tuple[Any, int]]:
    """Yield rows in chunks of one size, the last one filled with zeros, and how many are real."""
    for at in range(0, len(rows), _CHUNK):
        part = rows[at : at + _CHUNK]
        n = len(part)
        while len(part) < _CHUNK:
            part = join([part, zeros(part[: _CHUNK - len(part)])])
        yield part, n
