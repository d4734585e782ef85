"""CLIP and SigLIP models of transformers as encoders, with adapters and custom features.

A saved encoder holds what was learnt here alone: adapters (:mod:`imgassets.learning.search.lora`)
and how custom features enter the image's vector. The model that they belong to stays where it is:
on the hub, at its revision, or in its folder, whose content is checked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.search.encoder import ABOUT
from imgassets.learning.search.joining import FeatureProjection
from imgassets.learning.search.lora import load_lora, save_lora, set_strength
from imgassets.search.words import words
from imgassets.vision.backbones import backbone_name
from imgassets.vision.forward import ChunkedForward
from imgassets.vision.inputs import InputSpec
from imgassets.vision.pretrained import device_of, from_pretrained, input_spec, pooled

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

_ADAPTERS, _FEATURES = "adapters.safetensors", "features.safetensors"

_TEXTS = 16
"""Texts in one forward pass, always: another shape rounds differently."""

_LIKENESS = ("get_image_features", "get_text_features", "logit_scale")
"""What all models of the family offer."""


class ClipEncoder:
    """A CLIP or SigLIP model; see :class:`imgassets.learning.search.encoder.SearchEncoder`.

    Args:
        source: Hugging Face id or local folder.
        revision: pinned revision of a hub model.
        vision: device, and threads of a forward pass on a CPU.
        joined: how custom features enter an image's vector; None: they do not.

    Attributes:
        model: the torch network; adapters are put into it in place.
        strength: of its adapters, 0 … 1; None where there are none.

    Raises:
        RuntimeError: there is no such model.
    """

    kind = "clip"

    def __init__(
        self,
        source: str,
        revision: str | None,
        vision: VisionSettings,
        joined: FeatureProjection | None = None,
    ) -> None:
        import torch
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

        self._of = vision.model_copy(update={"backbone": source, "backbone_revision": revision})
        self.device = device_of(vision.device, torch)
        torch.set_num_threads(max(1, vision.workers))
        self.model = _load(AutoModel, source, revision, dtype=torch.float32, use_safetensors=True)
        if any(not hasattr(self.model, name) for name in _LIKENESS):
            raise RuntimeError(
                f"{source!r} is a {type(self.model).__name__}, no CLIP or SigLIP model; name one "
                "(IMGASSETS_SEARCH__ENCODER), or 'dual'"
            )
        if hasattr(self.model.config.vision_config, "num_patches"):
            raise RuntimeError(
                f"{source!r} takes pictures of any proportions (NaFlex), which is not supported; "
                "name the SigLIP 2 model of a fixed size"
            )
        self.model.eval().to(self.device)
        processor = _load(AutoImageProcessor, source, revision)
        self.mean, self.std = (
            list(values or [0.5] * 3) for values in (processor.image_mean, processor.image_std)
        )
        self.input = input_spec(processor, self.model.config)
        self._tokenizer = _load(AutoTokenizer, source, revision)
        self._words = self.model.config.text_config.max_position_embeddings
        self._image_side = ChunkedForward(
            self.unit_images, self.input.side, self.mean, self.std, self.device
        )
        self.dimension = self._image_side.dimension
        self.strength: float | None = None
        self.joined = joined
        self.feature_groups = joined.groups if joined else ()

    def adapt(self, strength: float, joined: FeatureProjection | None) -> None:
        """Let adapters, which are in :attr:`model` already, and custom features count.

        Args:
            strength: of both, 0 … 1.
            joined: how custom features enter at strength 1; None: they do not.
        """
        set_strength(self.model, strength)
        self.strength = strength
        self.joined = joined and joined.scaled(strength)
        self.feature_groups = joined.groups if joined else ()

    def embed_images(
        self, squares: NDArray[np.uint8], features: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Embed pictures; see :meth:`SearchEncoder.embed_images`."""
        vectors: NDArray[np.float32] = self._image_side(squares)
        return self.joined.join(vectors, features) if self.joined else vectors

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts; see :meth:`SearchEncoder.embed_texts`."""
        import torch

        if not texts:
            return np.empty((0, self.dimension), np.float32)
        padded = [*texts, *[""] * (-len(texts) % _TEXTS)]
        parts = []
        with torch.inference_mode():
            for at in range(0, len(padded), _TEXTS):
                vectors = self.unit_texts(self.tokens(padded[at : at + _TEXTS]))
                parts.append(vectors.cpu().numpy())
        return np.concatenate(parts)[: len(texts)]

    def unknown_words(self, text: str) -> list[str]:
        """Return the words that the tokeniser has no pieces for; models of bytes know all."""
        unknown = self._tokenizer.unk_token_id
        pieces = {
            word: self._tokenizer(word, add_special_tokens=False)["input_ids"]
            for word in dict.fromkeys(words(text))
        }
        return [word for word, ids in pieces.items() if unknown in ids]

    def unit_images(self, pixels: Any) -> Any:  # noqa: ANN401  torch tensors
        """Return the model's vectors of normalised pixels, of length 1; differentiable."""
        from torch.nn.functional import normalize

        return normalize(pooled(self.model, pixels).float(), dim=1)

    def unit_texts(self, tokens: dict[str, Any]) -> Any:  # noqa: ANN401
        """Return the model's vectors of tokens, of length 1; differentiable."""
        from torch.nn.functional import normalize

        output = self.model.get_text_features(**tokens)
        return normalize(getattr(output, "pooler_output", output).float(), dim=1)

    def tokens(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return texts as the model's input; all are equally long, whatever stands beside them."""
        found = self._tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=self._words,
            return_tensors="pt",
        )
        if hasattr(self.model, "logit_bias"):  # SigLIP learnt without a mask over the padding
            found.pop("attention_mask", None)
        return {name: values.to(self.device) for name, values in found.items()}

    def save(self, folder: Path) -> None:
        """Write what was learnt; see :meth:`SearchEncoder.save`."""
        about = {
            "kind": self.kind,
            "model": self._of.backbone,
            "revision": self._of.backbone_revision,
            "weights": backbone_name(self._of),
            "feature_groups": list(self.feature_groups),
        }
        (folder / ABOUT).write_text(json.dumps(about, indent=1, sort_keys=True))
        if self.strength is not None:
            save_lora(self.model, folder / _ADAPTERS, self.strength)
        if self.joined:
            self.joined.save(folder / _FEATURES)

    @classmethod
    def load(cls, folder: Path, vision: VisionSettings) -> ClipEncoder:
        """Load a saved encoder.

        Args:
            folder: what :meth:`save` wrote.
            vision: device and threads.

        Raises:
            ValueError: the files are damaged, or the model's folder holds other weights now.
            RuntimeError: the model that it was made from cannot be loaded.
        """
        about = json.loads((folder / ABOUT).read_text())
        joined = None
        if about["feature_groups"]:
            joined = FeatureProjection.load(folder / _FEATURES, tuple(about["feature_groups"]))
        encoder = cls(about["model"], about["revision"], vision, joined)
        if (found := backbone_name(encoder._of)) != about["weights"]:
            raise ValueError(
                f"{about['model']} holds {found} now, but the encoder was made from "
                f"{about['weights']}: put the former model back, or train again "
                "(`imgassets train search`)"
            )
        if (folder / _ADAPTERS).exists():
            encoder.strength = load_lora(encoder.model, folder / _ADAPTERS)
        return encoder


def clip_input(source: str, revision: str | None) -> InputSpec:
    """Return how a model wants its pictures; no weights are loaded.

    Raises:
        RuntimeError: there is no such model.
    """
    from transformers import AutoConfig, AutoImageProcessor

    processor = _load(AutoImageProcessor, source, revision)
    return input_spec(processor, _load(AutoConfig, source, revision))


def _load(kind: Any, source: str, revision: str | None, **how: Any) -> Any:  # noqa: ANN401
    try:
        return from_pretrained(kind, source, revision, **how)
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RuntimeError(
            f"the encoder {source!r} cannot be loaded ({reason}); name the id or folder of a CLIP "
            "or SigLIP model with its weights as safetensors (IMGASSETS_SEARCH__ENCODER), or 'dual'"
        ) from error
