"""Fitting the dual encoder's towers: InfoNCE over batches of aligned pairs.

A text may fit several pictures of a batch; see :mod:`imgassets.learning.search.contrastive`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.search.contrastive import info_nce
from imgassets.learning.search.data import Judged
from imgassets.learning.search.phrases import Phrases
from imgassets.learning.search.tokens import Vocabulary
from imgassets.learning.search.towers import (
    image_vectors,
    initial_weights,
    padded,
    text_vectors,
)
from imgassets.learning.seeded import seeded

WIDTH = 256
"""Of a token's vector; hidden layers are twice as wide."""

_BATCH, _QUERIES = 256, 64
"""Pairs of a batch: of items and their texts; of judged queries and their answers."""

_DROPOUT = 0.2
_SCALE, _MOST = 20.0, 100.0
"""The learnt factor of likenesses (one by the temperature): at the start, and at most."""

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class FitOptions:
    """How towers are fitted.

    Attributes:
        epochs: times that each item is seen.
        learning_rate: of AdamW, at its highest (one cycle; Smith & Topin, 2018).
        dimension: of the common space.
        seed: of everything random.
    """

    epochs: int
    learning_rate: float
    dimension: int
    seed: int


@dataclass(frozen=True)
class Lesson:
    """What is learnt from: items' texts, and queries that people judged.

    Attributes:
        phrases: texts of the items.
        vocabulary: what texts are read by.
        queries: judged queries; those without an answer of their highest grade are left out.
        answers: of each query, the places of its best items.
    """

    phrases: Phrases
    vocabulary: Vocabulary
    queries: tuple[str, ...]
    answers: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, rows: pl.DataFrame, judged: Judged) -> Lesson:
        """Make the lesson of items (columns of ``ITEMS``) and queries judged over them."""
        phrases = Phrases(rows)
        best = (
            judged.judgements.filter(pl.col("relevance") > 0)
            .filter(pl.col("relevance") == pl.col("relevance").max().over("query_id"))
            .join(rows.select("item_id").with_row_index("place"), on="item_id")
            .group_by("query_id")
            .agg(pl.col("place").sort())
        )
        known = judged.queries.join(best, on="query_id").sort("query_id")
        return cls(
            phrases,
            Vocabulary.of([*phrases.texts(), *known["query"]]),
            tuple(known["query"]),
            tuple(np.asarray(places, np.int64) for places in known["place"]),
        )


def fit_towers(
    inputs: Floats, lesson: Lesson, options: FitOptions, progress: Progress | None = None
) -> dict[str, Floats]:
    """Fit both towers.

    Args:
        inputs: items × numbers: what a picture's tower reads.
        lesson: the items' texts.
        options: how.
        progress: called with (done, total) epochs.

    Returns:
        Weights for :mod:`imgassets.learning.search.towers`.

    Raises:
        ValueError: fewer than two items.
    """
    import torch

    if len(inputs) < 2:
        raise ValueError(f"an encoder learns from two images or more, not {len(inputs)}")
    start = initial_weights(
        len(lesson.vocabulary), inputs.shape[1], WIDTH, options.dimension, options.seed
    )
    start["mean"] = inputs.mean(0)
    start["scale"] = 1 / (inputs.std(0) + 1e-3 * inputs.std() + 1e-9)
    fixed = ("mean", "scale")
    with seeded(options.seed):
        weights = {
            name: torch.from_numpy(value).requires_grad_(name not in fixed)
            for name, value in start.items()
        }
        pictures = torch.from_numpy(inputs)
        contrast = Contrast(lesson, options.seed)
        learn(
            weights, contrast, lambda places: pictures[torch.from_numpy(places)],
            [*(weights[name] for name in weights if name not in fixed), contrast.log_scale],
            n_items=len(inputs), epochs=options.epochs, learning_rate=options.learning_rate,
            progress=progress,
        )  # fmt: skip
    return {name: value.detach().numpy() for name, value in weights.items()}


class Contrast:
    """The loss of a batch.

    Args:
        lesson: the items' texts.
        seed: of what is drawn.
    """

    def __init__(self, lesson: Lesson, seed: int) -> None:
        import torch

        self.log_scale = torch.tensor(float(np.log(_SCALE)), requires_grad=True)
        self.rng = np.random.default_rng(seed)
        self._lesson = lesson

    def __call__(
        self,
        weights: dict[str, Any],
        inputs: Callable[[NDArray[np.int64]], Any],
        places: NDArray[np.int64],
    ) -> Any:  # noqa: ANN401  a torch tensor
        """Return the loss of some items, each with a text that is drawn now."""
        phrases = self._lesson.phrases
        texts, said = phrases.draw(places, self.rng)
        fits = np.maximum(phrases.fits(said, places), np.eye(len(places), dtype=np.float32))
        loss = self._loss(weights, texts, inputs(places), fits)
        if not self._lesson.queries:
            return loss
        drawn = self.rng.integers(len(self._lesson.queries), size=_QUERIES)
        answers = [self._lesson.answers[query] for query in drawn]
        chosen = np.asarray([own[self.rng.integers(len(own))] for own in answers])
        asked = [self._lesson.queries[query] for query in drawn]
        fits = np.asarray([np.isin(chosen, own) for own in answers], np.float32)
        return loss + self._loss(weights, asked, inputs(chosen), fits) / 2

    def _loss(
        self,
        weights: dict[str, Any],
        texts: list[str],
        inputs: Any,  # noqa: ANN401
        fits: Floats,
    ) -> Any:  # noqa: ANN401
        import torch
        from torch.nn.functional import dropout

        numbers, known = padded([self._lesson.vocabulary.numbers(text) for text in texts])
        text = text_vectors(weights, torch.from_numpy(numbers), torch.from_numpy(known))
        image = image_vectors(weights, inputs, lambda values: dropout(values, _DROPOUT))
        return info_nce(self.log_scale.exp().clamp(max=_MOST) * text @ image.T, fits)


def learn(
    weights: dict[str, Any],
    contrast: Contrast,
    inputs: Callable[[NDArray[np.int64]], Any],
    parameters: list[Any],
    *,
    n_items: int,
    epochs: int,
    learning_rate: float,
    progress: Progress | None = None,
) -> None:
    """Move parameters so that each text is nearest to the pictures that it fits.

    Args:
        weights: of the towers.
        contrast: the loss.
        inputs: returns what the picture tower reads of items at some places; differentiable.
        parameters: what is learnt.
        n_items: how many there are.
        epochs: times that each item is seen.
        learning_rate: of AdamW, at its highest.
        progress: called with (done, total) epochs.
    """
    import torch

    size = min(_BATCH, max(2, n_items // 4))
    steps = n_items // size
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, learning_rate, total_steps=epochs * steps
    )
    for epoch in range(epochs):
        order = contrast.rng.permutation(n_items)
        for step in range(steps):
            loss = contrast(weights, inputs, order[step * size : (step + 1) * size])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        if progress is not None:
            progress(epoch + 1, epochs)
