"""Fine-tuning a CLIP or SigLIP model on a catalog's images and titles, by LoRA.

Both towers get adapters, and custom features are joined to the image's vector. The loss is the
model's own: InfoNCE over the batch for CLIP (Radford et al., 2021), pairs each by itself for SigLIP
(Zhai et al., 2023). All images that a text fits are right answers to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.evaluation import group_split
from imgassets.learning.search.clip import ClipEncoder
from imgassets.learning.search.contrastive import info_nce, pairwise_sigmoid
from imgassets.learning.search.data import Items
from imgassets.learning.search.features import feature_matrix
from imgassets.learning.search.interpolation import STRENGTHS, Interpolation, interpolate
from imgassets.learning.search.joining import FeatureProjection
from imgassets.learning.search.lora import inject_lora, lora_parameters
from imgassets.learning.search.phrases import Phrases
from imgassets.search.measures import mean_of, measure

if TYPE_CHECKING:
    from imgassets.search.settings import SearchSettings
    from imgassets.settings import VisionSettings

_BATCH = 64
"""Pairs that are told apart at the same time."""

_AWAY, _TUNE = 0.2, 0.2
"""Shares of the categories, and of the other categories' styles, that choose the strength."""

_ASKED = 400
"""Images of each of these parts that are searched, at most: what is measured is a mean."""

_FOUND = 10

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned encoder.

    Attributes:
        encoder: at the strength chosen.
        interpolation: what was measured to choose it; None where that was not possible.
        notes: what a person should know.
    """

    encoder: ClipEncoder
    interpolation: Interpolation | None
    notes: tuple[str, ...] = ()


def train_clip(
    items: Items,
    settings: SearchSettings,
    vision: VisionSettings,
    seed: int,
    groups: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> FineTuned:
    """Fine-tune the model that the settings name, as far as it loses little of its ability.

    The target is to find images of styles that were held out by their titles, the former ability to
    do so in categories that fine-tuning was not shown at all. Both are measured on a model fitted
    to the other items; the one that is returned learnt from all of them.

    Args:
        items: what is learnt from; their squares were made for the model.
        settings: model, rank, epochs, learning rate, ability to keep.
        vision: device and threads.
        seed: of everything random.
        groups: of custom features that join the image side; () for none.
        progress: called with (done, total) batches.

    Raises:
        ValueError: the squares are of another size, or no item has a text.
        RuntimeError: there is no such model.
    """
    told = items.take(np.flatnonzero((items.rows["title"] + items.rows["text"] != "").to_numpy()))
    if len(told) < 2:
        raise ValueError(
            "no encoder can be fine-tuned: at least two images with a title are needed"
        )
    parts = _parts(told.rows, seed)
    sizes = [len(told), *([] if parts is None else [len(parts[0])])]
    counted = _counter(progress, sum(_n_batches(n) for n in sizes) * settings.lora_epochs)

    def fitted(learnt: Items) -> tuple[ClipEncoder, FeatureProjection | None]:
        encoder = ClipEncoder(settings.encoder, settings.encoder_revision, vision)
        return encoder, fine_tune(encoder, learnt, settings, seed, groups, counted)

    if parts is None:
        encoder, joined = fitted(told)
        encoder.adapt(1.0, joined)
        note = (
            "one category or style alone: what fine-tuning loses of the former ability is unknown"
        )
        return FineTuned(encoder, None, (note,))
    learnt, tune, away = (told.take(places) for places in parts)
    tried, tried_joined = fitted(learnt)

    def both(strength: float) -> tuple[float, float]:
        tried.adapt(strength, tried_joined)
        return title_search(tried, tune), title_search(tried, away)

    chosen = interpolate(both, settings.keep_ability, STRENGTHS)
    encoder, joined = fitted(told)
    encoder.adapt(chosen.strength, joined)
    return FineTuned(encoder, chosen)


def fine_tune(
    encoder: ClipEncoder,
    items: Items,
    settings: SearchSettings,
    seed: int,
    groups: tuple[str, ...] = (),
    step: Callable[[], None] = lambda: None,
) -> FeatureProjection | None:
    """Put adapters into an encoder, in place, and let them learn.

    Args:
        encoder: one without adapters.
        items: images with texts.
        settings: rank, epochs, learning rate.
        seed: of everything random.
        groups: of custom features that join the image side.
        step: called after each batch.

    Returns:
        How custom features join an image's vector; None without ``groups``.

    Raises:
        ValueError: the squares are of another size than the model's.
    """
    import torch
    from torch.nn.functional import normalize

    if items.input != encoder.input:
        raise ValueError(f"the squares were made for {items.input}, not for {encoder.input}")
    inject_lora(encoder.model, max(settings.lora_rank, 1), seed=seed)
    features = feature_matrix(items.features, groups)
    joined = FeatureProjection.untrained(groups, features, encoder.dimension)
    known = torch.from_numpy(joined.standardise(features)).to(encoder.device)
    weight = torch.zeros(
        features.shape[1], encoder.dimension, device=encoder.device, requires_grad=True
    )
    learnt = [*lora_parameters(encoder.model), *([weight] if groups else [])]
    total = _n_batches(len(items)) * settings.lora_epochs
    optimiser = torch.optim.AdamW(learnt, lr=settings.lora_learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0, total)
    phrases = Phrases(items.rows.with_columns(title=pl.Series(_texts(items.rows))))
    chance = np.random.default_rng(seed)
    for batch in _batches(len(items), settings.lora_epochs, chance):
        images = encoder.unit_images(_pixels(encoder, items.squares[batch]))
        images = normalize(images + known[batch] @ weight, dim=1)
        drawn, said = phrases.draw(batch, chance)
        fits = np.maximum(phrases.fits(said, batch), np.eye(len(batch), dtype=np.float32))
        loss = _loss(encoder.model, images, encoder.unit_texts(encoder.tokens(drawn)), fits)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        step()
    if not groups:
        return None
    return FeatureProjection(
        groups, joined.mean, joined.scale, weight.detach().cpu().numpy().astype(np.float32)
    )


def title_search(encoder: ClipEncoder, items: Items) -> float:
    """Return nDCG@10 of finding images by their own titles, among all of some items."""
    texts = np.array(_texts(items.rows))
    images = encoder.embed_images(
        items.squares, feature_matrix(items.features, encoder.feature_groups)
    )
    asked, first = np.unique(texts, return_index=True)
    scores = encoder.embed_texts(list(asked)) @ images.T
    best = np.argsort(-scores, axis=1, kind="stable")[:, :_FOUND]
    ids = items.rows["item_id"].to_numpy()
    run = pl.DataFrame(
        {
            "query_id": np.repeat([str(place) for place in first], best.shape[1]),
            "item_id": ids[best].ravel(),
            "score": np.take_along_axis(scores, best, axis=1).ravel().astype(np.float64),
        }
    )
    number = dict(zip(asked, first, strict=True))
    judgements = pl.DataFrame(
        {
            "query_id": [str(number[text]) for text in texts],
            "item_id": ids,
            "relevance": np.ones(len(ids), np.int64),
        }
    )
    return mean_of(measure(run, judgements, cut=1))


def _texts(rows: pl.DataFrame) -> list[str]:
    """Return each item's title, or its text where it has none."""
    return rows.select(pl.when(pl.col("title") == "").then("text").otherwise("title"))[
        "text"
    ].to_list()


def _parts(
    rows: pl.DataFrame, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
    """Return places to learn from, to tune by, and of categories that stay away; or None."""
    placed = rows.select("category", "group_id").with_row_index("place")
    try:
        rest, away = group_split(placed.with_columns(group_id="category"), _AWAY, seed)
        rest = placed.filter(pl.col("place").is_in(rest["place"].implode()))
        learnt, tune = group_split(rest, _TUNE, seed)
    except ValueError:
        return None
    chance = np.random.default_rng(seed)

    def some(part: pl.DataFrame) -> NDArray[np.int64]:
        places = part["place"].to_numpy().astype(np.int64)
        return np.sort(chance.permutation(places)[:_ASKED])

    return learnt["place"].to_numpy().astype(np.int64), some(tune), some(away)


def _batches(n: int, epochs: int, chance: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield places, each once an epoch, in batches of nearly equal size."""
    for _ in range(epochs):
        yield from np.array_split(chance.permutation(n), _n_batches(n))


def _n_batches(n: int) -> int:
    return max(1, round(n / _BATCH))


def _counter(progress: Progress | None, total: int) -> Callable[[], None]:
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return step


def _pixels(encoder: ClipEncoder, squares: NDArray[np.uint8]) -> Any:  # noqa: ANN401
    """Return squares as normalised pixels, a tensor [n, 3, side, side]."""
    import torch

    mean, std = (
        torch.tensor(values, device=encoder.device).view(1, 3, 1, 1)
        for values in (encoder.mean, encoder.std)
    )
    pixels = torch.from_numpy(squares).to(encoder.device).permute(0, 3, 1, 2).float()
    return (pixels / 255.0 - mean) / std


def _loss(model: Any, images: Any, texts: Any, fits: NDArray[np.float32]) -> Any:  # noqa: ANN401
    """Return the loss of vectors of a batch, by the model's own temperature."""
    logits = texts @ images.T * model.logit_scale.exp()
    if hasattr(model, "logit_bias"):
        return pairwise_sigmoid(logits + model.logit_bias, fits)
    return info_nce(logits, fits)
