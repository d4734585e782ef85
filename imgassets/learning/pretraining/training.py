"""Train one trunk: rendered garments first, photographs more and more, in growing sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imgassets.learning.pretraining.augmentation import mix, vary
from imgassets.learning.pretraining.photos import Photos
from imgassets.learning.pretraining.rendering import KINDS, VIEWS, Rendered
from imgassets.learning.pretraining.trunk import Learner


class Phase(NamedTuple):
    """A part of the training.

    Attributes:
        side: pixels of the pictures.
        share: of all steps, 0 … 1.
        photos: share of photographs in a batch, 0 … 1; the others are rendered.
    """

    side: int
    share: float
    photos: float


@dataclass(frozen=True)
class Recipe:
    """How a trunk is trained.

    Attributes:
        steps: batches in all.
        batch: pictures in one.
        rate: AdamW's learning rate at its height, after a rise over the first steps.
        decay: AdamW's weight decay.
        smoothing: label smoothing.
        mixed: share of batches whose photographs are mixed; none at the very end.
        averaging: inertia of the weights' moving average, which is what is kept.
        phases: one after the other.
        save_every: steps between checkpoints.
    """

    steps: int
    batch: int = 32
    rate: float = 1.5e-3
    decay: float = 0.05
    smoothing: float = 0.1
    mixed: float = 0.2
    averaging: float = 0.999
    phases: tuple[Phase, ...] = (
        Phase(64, 0.4, 0.4),
        Phase(80, 0.4, 0.8),
        Phase(96, 0.2, 0.95),
    )
    save_every: int = 200

    def phase(self, step: int) -> Phase:
        """Return the phase that a step belongs to."""
        done = 0.0
        for phase in self.phases:
            done += phase.share * self.steps
            if step < done:
                return phase
        return self.phases[-1]

    def rate_at(self, step: int) -> float:
        """Return the learning rate: a rise over a twentieth, then half a cosine down to 0."""
        rise = max(1, self.steps // 20)
        if step < rise:
            return self.rate * (step + 1) / rise
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / (self.steps - rise)))


class Progress(NamedTuple):
    """What is told after a step: its number, from 1, and the loss's moving average."""

    step: int
    loss: float


def train_trunk(
    recipe: Recipe,
    photos: Photos | None,
    rendered: Rendered,
    *,
    seed: int,
    checkpoint: Path,
    device: str = "cpu",
    tell: Callable[[Progress], None] = lambda _: None,
) -> Learner:
    """Train a trunk from nothing, or go on from its checkpoint.

    A run that was broken off and goes on gives the weights of one that was not: the checkpoint
    holds the optimiser and the source of random numbers too.

    Args:
        recipe: how.
        photos: photographs by kind; None: only rendered pictures are learned from.
        rendered: rendered pictures.
        seed: of weights, order and variations.
        checkpoint: file that the state is saved to.
        device: a torch device.
        tell: called after every step.

    Returns:
        The learner with averaged weights.

    Raises:
        ValueError: the checkpoint is of another recipe or seed.
    """
    import torch

    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    kinds = photos.kinds if photos is not None else ()
    learner = Learner(len(kinds), len(KINDS), len(VIEWS))
    average = Learner(len(kinds), len(KINDS), len(VIEWS))
    learner.parts.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average.parts.to(device)
    average.parts.load_state_dict(learner.parts.state_dict())
    optimiser = torch.optim.AdamW(_groups(learner, recipe.decay), lr=recipe.rate)
    step, loss = _resume(checkpoint, recipe, seed, learner, average, optimiser, random)
    while step < recipe.steps:
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate_at(step)
        found = _losses(learner, recipe, step, photos, rendered, random, device)
        optimiser.zero_grad()
        found.backward()
        torch.nn.utils.clip_grad_norm_(learner.parts.parameters(), 5.0)
        optimiser.step()
        step += 1
        _follow(average, learner, min(recipe.averaging, step / (step + 10)))
        loss = 0.98 * loss + 0.02 * found.item() if step > 1 else found.item()
        if step % recipe.save_every == 0 or step == recipe.steps:
            state = {
                "recipe": repr(recipe), "seed": seed, "step": step, "loss": loss,
                "learner": learner.parts.state_dict(), "average": average.parts.state_dict(),
                "optimiser": optimiser.state_dict(), "random": random.get_state(),
            }  # fmt: skip
            torch.save(state, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
        tell(Progress(step, loss))
    average.parts.eval()
    return average


def _resume(
    checkpoint: Path, recipe: Recipe, seed: int, learner: Any, average: Any, optimiser: Any,  # noqa: ANN401
    random: Any,  # noqa: ANN401
) -> tuple[int, float]:  # fmt: skip
    """Load a checkpoint where there is one; return the step and the loss."""
    import torch

    if not checkpoint.is_file():
        return 0, 0.0
    state = torch.load(checkpoint, weights_only=True)
    if (state["recipe"], state["seed"]) != (repr(recipe), seed):
        raise ValueError(
            f"{checkpoint} was made with other settings or another seed: "
            "give the same ones, or remove it to start anew"
        )
    learner.parts.load_state_dict(state["learner"])
    average.parts.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    random.set_state(state["random"])
    return state["step"], state["loss"]


def _groups(learner: Any, decay: float) -> list[dict[str, Any]]:  # noqa: ANN401
    """Decay kernels, and neither biases nor the normalisation's factors."""
    parameters = list(learner.parts.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _follow(average: Any, learner: Any, inertia: float) -> None:  # noqa: ANN401
    """Move the average towards the learner."""
    import torch

    with torch.no_grad():
        for kept, new in zip(
            average.parts.state_dict().values(), learner.parts.state_dict().values(), strict=True
        ):
            if kept.is_floating_point():
                kept.lerp_(new, 1 - inertia)
            else:
                kept.copy_(new)


def _losses(
    learner: Any, recipe: Recipe, step: int, photos: Photos | None, rendered: Rendered,  # noqa: ANN401
    random: Any, device: str,  # noqa: ANN401
) -> Any:  # noqa: ANN401  # fmt: skip
    """Return the loss of one batch of photographs and rendered pictures."""
    import torch
    from torch.nn.functional import cross_entropy, one_hot

    phase = recipe.phase(step)
    from_photos = round(recipe.batch * phase.photos) if photos is not None else 0
    from_rendered = recipe.batch - from_photos
    batches: list[Any] = []
    if photos is not None:
        chosen = torch.randint(len(photos.labels), (from_photos,), generator=random).numpy()
        batches.append(vary(_floats(photos.pixels[chosen]), phase.side, random))
    drawn = torch.randint(len(rendered.kinds), (from_rendered,), generator=random).numpy()
    if from_rendered:
        batches.append(vary(_floats(rendered.pixels[drawn]), phase.side, random))
    pixels = torch.cat(batches)

    kinds = len(photos.kinds) if photos is not None else 1
    targets = torch.zeros(from_photos, kinds)
    if photos is not None:
        targets = one_hot(torch.from_numpy(photos.labels[chosen]), kinds).float()
        ending = step >= 0.94 * recipe.steps
        if float(torch.rand((), generator=random)) < recipe.mixed and not ending:
            mixed, targets = mix(pixels[:from_photos], targets, random)
            pixels = torch.cat([mixed, pixels[from_photos:]])
    pixels = pixels.to(device).contiguous(memory_format=torch.channels_last)
    answers = learner(pixels)
    loss = torch.zeros((), device=device)
    if from_photos:
        part = cross_entropy(
            answers.photo[:from_photos], targets.to(device), label_smoothing=recipe.smoothing
        )
        loss = loss + part * (from_photos / recipe.batch)
    if from_rendered:
        kind = torch.from_numpy(rendered.kinds[drawn]).to(device)
        view = torch.from_numpy(rendered.views[drawn]).to(device)
        part = cross_entropy(
            answers.kind[from_photos:], kind, label_smoothing=recipe.smoothing
        ) + 0.5 * cross_entropy(answers.view[from_photos:], view, label_smoothing=recipe.smoothing)
        loss = loss + part * (from_rendered / recipe.batch)
    return loss


def _floats(pixels: np.ndarray) -> Any:  # noqa: ANN401
    """Return pictures (uint8, n × side × side × 3) as a float32 tensor, n × 3 × side × side."""
    import torch

    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
