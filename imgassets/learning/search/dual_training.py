"""Training the dual encoder: towers on a frozen backbone, then LoRA in its last block.

What the backbone says up to its last block is computed once per picture; fitting touches the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.search.data import Items, Judged
from imgassets.learning.search.dual import AdaptedBackbone, DualEncoder, Pictures
from imgassets.learning.search.dual_fit import Contrast, FitOptions, Lesson, fit_towers, learn
from imgassets.learning.search.features import feature_matrix
from imgassets.learning.search.lora import inject_lora, lora_parameters, set_strength
from imgassets.learning.seeded import seeded
from imgassets.vision.backbones import backbone_name, load_backbone
from imgassets.vision.last_block import load_last_block

if TYPE_CHECKING:
    from imgassets.search.settings import SearchSettings
    from imgassets.settings import VisionSettings

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
Tell = Callable[[str], None]


class DualTraining:
    """Pictures as the backbone sees them, and encoders fitted to some of them.

    Args:
        parts: items, each with its pictures; places count through all of them.
        search: sizes, epochs, learning rates, LoRA.
        vision: the backbone.
        seed: of everything random.
        tell: called with what is being done.

    Raises:
        RuntimeError: the backbone cannot be loaded.
    """

    def __init__(
        self,
        parts: Sequence[Items],
        search: SearchSettings,
        vision: VisionSettings,
        seed: int,
        tell: Tell,
    ) -> None:
        import torch

        self._rows = pl.concat([items.rows for items in parts])
        self._frame = pl.concat([items.features for items in parts])
        self._search, self._vision, self._seed, self._tell = search, vision, seed, tell
        self._backbone = backbone_name(vision)
        self._pictures: Pictures = load_backbone(vision)
        self._hidden: Any = None
        tell(f"{self._rows.height} images through the backbone")
        if (adapted := _adaptable(vision)) is None:
            embedded = [self._pictures.embed(items.squares) for items in parts]
            self._vectors: Floats = np.concatenate(embedded)
        else:
            self._hidden = torch.cat([adapted.block.trunk(items.squares) for items in parts])
            self._vectors = adapted.answer(self._hidden)

    @property
    def can_adapt(self) -> bool:
        """Whether the backbone has a last block, and the settings ask for LoRA."""
        return self._hidden is not None and self._search.lora_rank > 0

    def fit(self, groups: Sequence[str], places: Places, judged: Judged) -> DualEncoder:
        """Fit towers on the backbone as it is.

        Args:
            groups: of custom features that the pictures' tower reads.
            places: the items that are learnt from.
            judged: queries judged over them.
        """
        self._tell(f"encoder on {', '.join(['the backbone', *groups])}")
        lesson = Lesson.of(self._rows[places], judged)
        inputs = np.hstack([self._vectors, self._features(groups)])[places]
        options = FitOptions(
            self._search.epochs, self._search.learning_rate, self._search.dimension, self._seed
        )
        weights = fit_towers(inputs, lesson, options)
        return DualEncoder(lesson.vocabulary, weights, groups, self._pictures, self._backbone)

    def images(self, encoder: DualEncoder, places: Places | None = None) -> Floats:
        """Return the vectors of some items, by default of all, of an encoder fitted here."""
        if places is None:
            places = np.arange(self._rows.height)
        vectors = self._vectors[places]
        if isinstance(encoder.pictures, AdaptedBackbone):
            vectors = encoder.pictures.answer(self._hidden[places])
        return encoder.project(vectors, self._features(encoder.feature_groups)[places])

    def fine_tune(self, base: DualEncoder, places: Places, judged: Judged) -> FineTuning:
        """Put LoRA into the last block, and let it and the towers learn.

        Args:
            base: what :meth:`fit` returned.
            places: the items that are learnt from.
            judged: queries judged over them.

        Raises:
            ValueError: the backbone has no last block.
        """
        import torch
        from torch.nn.functional import normalize

        if (adapted := _adaptable(self._vision)) is None:
            raise ValueError(f"the backbone {self._backbone} has no last block to fine-tune")
        block, hidden = adapted.block, self._hidden[places]
        module, layers = block.adaptable()
        inject_lora(module, self._search.lora_rank, layers, self._seed)
        features = torch.from_numpy(self._features(base.feature_groups)[places])

        def inputs(batch: Places) -> torch.Tensor:
            rows = torch.from_numpy(batch)
            vectors = normalize(block.tail(hidden[rows]), dim=1).cpu()
            return torch.cat([vectors, features[rows]], dim=1)

        weights = {
            name: torch.from_numpy(value.copy()).requires_grad_(name not in ("mean", "scale"))
            for name, value in base.weights.items()
        }
        lesson = replace(Lesson.of(self._rows[places], judged), vocabulary=base.vocabulary)
        contrast = Contrast(lesson, self._seed + 1)
        towers = [value for value in weights.values() if value.requires_grad]
        with seeded(self._seed):
            learn(
                weights, contrast, inputs, [*lora_parameters(module), *towers, contrast.log_scale],
                n_items=len(hidden), epochs=self._search.lora_epochs,
                learning_rate=self._search.lora_learning_rate,
                progress=lambda done, all_: self._tell(f"LoRA, epoch {done} of {all_}"),
            )  # fmt: skip
        tuned = {name: value.detach().numpy() for name, value in weights.items()}
        return FineTuning(base, adapted, tuned)

    def resemblance(self, tuning: FineTuning, places: Places, k: int = 10) -> float:
        """Return the mean share of images' k nearest ones that are of their category.

        The backbone alone is asked, at the strength that was set last: what it knew before.
        """
        vectors = tuning.pictures.answer(self._hidden[places])
        category = self._rows["category"].to_numpy()[places]
        alike = vectors @ vectors.T
        np.fill_diagonal(alike, -np.inf)
        nearest = np.argsort(-alike, axis=1, kind="stable")[:, :k]
        return float((category[nearest] == category[:, None]).mean())

    def _features(self, groups: Sequence[str]) -> Floats:
        return feature_matrix(self._frame, groups)


@dataclass(frozen=True)
class FineTuning:
    """An encoder before and after fine-tuning, and all between.

    Attributes:
        base: the former encoder.
        pictures: the backbone with adapters.
        tuned: the towers' fine-tuned weights.
    """

    base: DualEncoder
    pictures: AdaptedBackbone
    tuned: Mapping[str, Floats]

    def at(self, strength: float) -> DualEncoder:
        """Return the encoder between both; the last strength asked for is the adapters'.

        Args:
            strength: 0 is the former encoder, 1 the fine-tuned one.
        """
        set_strength(self.pictures.block.adaptable()[0], strength)
        between = {
            name: ((1 - strength) * self.base.weights[name] + strength * value).astype(np.float32)
            for name, value in self.tuned.items()
        }
        return self.base.between(between, self.pictures, strength)


def _adaptable(vision: VisionSettings) -> AdaptedBackbone | None:
    """Return the backbone with its last block apart; None where it has no list of blocks."""
    try:
        return AdaptedBackbone(load_last_block(vision))
    except RuntimeError:
        return None
