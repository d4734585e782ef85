"""Training the dual encoder: towers on a frozen backbone, then LoRA in its last block.

What the backbone says up to its last block is computed once per picture; fitting touches the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.search.data import Items, Judged
from imgassets.learning.search.dual import AdaptedBackbone, DualEncoder, Pictures
from imgassets.learning.search.dual_fit import Contrast, FitOptions, Lesson, fit_towers, learn
from imgassets.learning.search.features import feature_matrix
from imgassets.learning.search.interpolation import Interpolation, interpolate
from imgassets.learning.search.lora import inject_lora, lora_parameters, set_strength
from imgassets.vision.backbones import backbone_name, load_backbone
from imgassets.vision.last_block import load_last_block

if TYPE_CHECKING:
    from imgassets.search.settings import SearchSettings
    from imgassets.settings import VisionSettings

LEARN, TUNE, TEST = "learn", "tune", "test"
"""The parts of the items: towers and adapters learn from the first; the re-ranker learns from the
second, which also decides how far fine-tuning goes; the third is for figures alone."""

Floats = NDArray[np.float32]
Tell = Callable[[str], None]


class DualTraining:
    """Pictures as the backbone sees them, and encoders fitted to them.

    Args:
        parts: items by part: :data:`LEARN`, :data:`TUNE`, :data:`TEST`.
        judged: queries judged over the part that is learnt from.
        search: sizes, epochs, learning rates, LoRA.
        vision: the backbone.
        seed: of everything random.
        tell: called with what is being done.

    Raises:
        RuntimeError: the backbone cannot be loaded.

    Attributes:
        lesson: texts of the part that is learnt from.
        can_adapt: whether the backbone has a last block that LoRA could go into.
    """

    def __init__(
        self,
        parts: Mapping[str, Items],
        judged: Judged,
        search: SearchSettings,
        vision: VisionSettings,
        seed: int,
        tell: Tell,
    ) -> None:
        self.lesson = Lesson.of(parts[LEARN].rows, judged)
        self._parts, self._search, self._seed, self._tell = parts, search, seed, tell
        self._backbone = backbone_name(vision)
        try:
            self._adapted: AdaptedBackbone | None = AdaptedBackbone(load_last_block(vision))
        except RuntimeError:
            self._adapted = None
        self._pictures: Pictures = load_backbone(vision)
        self._hidden = {}
        self._vectors: dict[str, Floats] = {}
        for part, items in parts.items():
            tell(f"{len(items)} images through the backbone")
            if self._adapted is None:
                self._vectors[part] = self._pictures.embed(items.squares)
            else:
                self._hidden[part] = self._adapted.block.trunk(items.squares)
                self._vectors[part] = self._adapted.answer(self._hidden[part])

    @property
    def can_adapt(self) -> bool:
        """Whether the backbone has a last block, and the settings ask for LoRA."""
        return self._adapted is not None and self._search.lora_rank > 0

    def fit(self, groups: Sequence[str]) -> DualEncoder:
        """Fit towers on the backbone as it is.

        Args:
            groups: of custom features that the pictures' tower reads.
        """
        self._tell(f"encoder on {', '.join(['the backbone', *groups])}")
        inputs = np.hstack([self._vectors[LEARN], self._features(LEARN, groups)])
        options = FitOptions(
            self._search.epochs, self._search.learning_rate, self._search.dimension, self._seed
        )
        weights = fit_towers(inputs, self.lesson, options)
        return DualEncoder(self.lesson.vocabulary, weights, groups, self._pictures, self._backbone)

    def images(self, encoder: DualEncoder, part: str) -> Floats:
        """Return the vectors of a part's images, of an encoder that was fitted here last."""
        vectors = self._vectors[part]
        if encoder.pictures is self._adapted and self._adapted is not None:
            vectors = self._adapted.answer(self._hidden[part])
        return encoder.project(vectors, self._features(part, encoder.feature_groups))

    def fine_tune(
        self, base: DualEncoder, target: Callable[[DualEncoder], float]
    ) -> tuple[DualEncoder, Interpolation]:
        """Put LoRA into the last block, let it and the towers learn, and interpolate with before.

        The former ability is what the backbone alone knows of resemblance: how often an image's ten
        nearest ones are of its category, in the tuning part.

        Args:
            base: what :meth:`fit` returned.
            target: what fine-tuning is for, measured on the tuning part; better if larger.

        Returns:
            The encoder at the strength that was chosen (at 0 it is ``base``), and the curve.
        """
        import torch
        from torch.nn.functional import normalize

        if self._adapted is None:
            raise ValueError("this backbone has no last block")
        block, hidden = self._adapted.block, self._hidden[LEARN]
        module, layers = block.adaptable()
        inject_lora(module, self._search.lora_rank, layers, self._seed)
        features = torch.from_numpy(self._features(LEARN, base.feature_groups))

        def inputs(places: NDArray[np.int64]) -> torch.Tensor:
            rows = torch.from_numpy(places)
            vectors = normalize(block.tail(hidden[rows]), dim=1).cpu()
            return torch.cat([vectors, features[rows]], dim=1)

        weights = {
            name: torch.from_numpy(value.copy()).requires_grad_(name not in ("mean", "scale"))
            for name, value in base.weights.items()
        }
        contrast = Contrast(self.lesson, self._seed + 1)
        towers = [value for value in weights.values() if value.requires_grad]
        learn(
            weights, contrast, inputs, [*lora_parameters(module), *towers, contrast.log_scale],
            n_items=len(hidden), epochs=self._search.lora_epochs,
            learning_rate=self._search.lora_learning_rate,
            progress=lambda done, all_: self._tell(f"LoRA, epoch {done} of {all_}"),
        )  # fmt: skip
        tuned = {name: value.detach().numpy() for name, value in weights.items()}

        def at(strength: float) -> DualEncoder:
            set_strength(module, strength)
            between = {
                name: ((1 - strength) * base.weights[name] + strength * tuned[name]).astype(
                    np.float32
                )
                for name in tuned
            }
            return DualEncoder(
                base.vocabulary, between, base.feature_groups,
                self._adapted or self._pictures, self._backbone, strength,
            )  # fmt: skip

        def both(strength: float) -> tuple[float, float]:
            return target(at(strength)), self._resemblance()

        chosen = interpolate(both, self._search.keep_ability)
        return at(chosen.strength) if chosen.strength else base, chosen

    def _resemblance(self, k: int = 10) -> float:
        """Return the mean share of images' k nearest ones that are of their category."""
        if self._adapted is None:
            raise ValueError("this backbone has no last block")
        vectors = self._adapted.answer(self._hidden[TUNE])
        category = self._parts[TUNE].rows["category"].to_numpy()
        alike = vectors @ vectors.T
        np.fill_diagonal(alike, -np.inf)
        nearest = np.argsort(-alike, axis=1, kind="stable")[:, :k]
        return float((category[nearest] == category[:, None]).mean())

    def _features(self, part: str, groups: Sequence[str]) -> Floats:
        return feature_matrix(self._parts[part].features, groups)
