"""A flag's model from examples to registry: train, compare, describe, register, promote."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.block_model import BlockModel
from imgassets.learning.features import SCALARS
from imgassets.learning.flag_card import describe_flag
from imgassets.learning.flag_model import FlagModel
from imgassets.learning.flag_plots import mistakes_sheet, precision_recall_plot
from imgassets.learning.flag_training import (
    ALGORITHM,
    METRIC,
    AnyModel,
    Grow,
    Squares,
    Trained,
    answers_of,
    augment,
    choose_approach,
    contest,
    data_hash,
    is_real,
    split_examples,
    train_heads,
)
from imgassets.learning.limits import Measures, measures
from imgassets.learning.outcome import TrainingOutcome
from imgassets.learning.registered import CorruptedModel, RegisteredVersion, needs_promotion
from imgassets.learning.registry import ModelRegistry

if TYPE_CHECKING:
    from imgassets.learning.cards import ModelCard
    from imgassets.settings import Settings

Pictures = Callable[[Sequence[str]], NDArray[np.uint8]]


@dataclass(frozen=True, kw_only=True)
class FlagReport(TrainingOutcome):
    """What a training of a flag's model did.

    Attributes:
        approach: what won.
        metrics: held-out measures of it, and tuned ones of every approach.
    """

    approach: str


class _Outcome(NamedTuple):
    """What the held-out part says of a new model."""

    answered: pl.DataFrame
    measured: Measures
    wins: bool
    explanation: str


def train_flag(
    flag: str,
    question: str,
    grow: Grow,
    registry: ModelRegistry,
    settings: Settings,
    *,
    signals_version: str,
    snapshot_id: int,
    squares: Squares | None = None,
    pictures: Pictures | None = None,
) -> FlagReport:
    """Train a flag's model and promote it if it beats what answers now.

    Args:
        flag: the flag; the registered model has its name.
        question: what it asks about an image.
        grow: see :data:`imgassets.learning.flag_training.Grow`.
        registry: where versions are kept.
        settings: targets, limits, seed, backbone.
        signals_version: signals of all the examples.
        snapshot_id: warehouse snapshot that the examples were read from.
        squares: loads the backbone's inputs of examples, to retrain its last block; None: heads
            alone compete.
        pictures: example_ids → RGB, uint8 [n, side, side, 3], for the sheet of mistakes.

    Raises:
        TooFewExamples: see :mod:`imgassets.learning.flag_training`.
        RegistryUnavailable: the registry does not answer.
    """
    champion = registry.champion(flag)
    examples, history = augment(flag, grow, settings.learning, settings.review, settings.seed)
    parameters = repr([settings.learning, settings.review, squares is not None])
    hashed = data_hash(examples, signals_version, parameters, settings.seed)
    for made in registry.versions(flag):
        if made.tags.get("data_hash") == hashed and registry.is_intact(flag, made.version):
            return _already_trained(registry, flag, made, champion)

    parts = split_examples(examples, settings.seed)
    trained = _train_all(flag, parts.train, settings, signals_version, squares)
    chosen = choose_approach(trained, settings.learning.pixel_margin)
    outcome = _compare(flag, chosen, parts.test, registry, champion, squares)
    measured = outcome.measured.flat()
    chosen.model.info["history"] = [stage._asdict() for stage in history]
    chosen.model.info["held_out"] = measured
    metrics = {
        **measured,
        **{k: v for t in trained for k, v in t.tuned.flat(f"tuned_{t.model.approach}_").items()},
        **{f"augmentation_{s.stage}_f1": s.f1 for s in history},
    }
    card = describe_flag(
        question, trained, chosen, parts, outcome.answered, outcome.measured, history,
        f"{'promoted' if outcome.wins else 'not promoted'}: {outcome.explanation}",
    )  # fmt: skip
    version = _register(
        flag, chosen.model, registry,
        params={
            "seed": settings.seed,
            "snapshot_id": snapshot_id,
            "stages": len(history),
            **{f"n_{name}": str(count) for name, count in _counts(examples).items()},
        },
        metrics=metrics,
        plots={
            "precision_recall": _curves(flag, trained, chosen, parts.train, outcome.answered),
            "mistakes": mistakes_sheet(f"{flag}, held out", outcome.answered, pictures),
        },
        tags={
            "data_hash": hashed,
            "decision": "promote" if outcome.wins else "keep",
            "explanation": outcome.explanation,
            "snapshot_id": str(snapshot_id),
            "metric": METRIC,
            "value": repr(measured[METRIC]) if METRIC in measured else "",
            "n_train": str(parts.train.height),
            "n_test": str(parts.test.height),
        },
        card=card,
    )  # fmt: skip
    if outcome.wins:
        registry.promote(flag, version.version)
    return FlagReport(
        version=version,
        retrained=True,
        promoted=outcome.wins,
        explanation=outcome.explanation,
        approach=chosen.model.approach,
        metrics=metrics,
        n_train=parts.train.height,
        n_test=parts.test.height,
    )


def _compare(
    flag: str,
    chosen: Trained,
    test: pl.DataFrame,
    registry: ModelRegistry,
    champion: RegisteredVersion | None,
    squares: Squares | None,
) -> _Outcome:
    """Let the new model and what answers now judge the held-out part."""
    model = chosen.model
    p = answers_of(model, test, squares)
    answer = p >= model.limits["flag"]
    measured = measures(test["value"].to_numpy(), answer, is_real(test))
    answered = test.with_columns(probability=pl.Series(p), answer=pl.Series(answer))
    name = f"champion {champion.version}" if champion else ""
    try:
        holder = load_model(registry.download(flag, champion.version)) if champion else None
        wins, explanation = contest(model, holder, name, test, squares, chosen.tuned)
    except CorruptedModel as error:
        wins, explanation = True, f"{name} cannot be read, replaced: {error}"
    return _Outcome(answered, measured, wins, explanation)


def _register(
    flag: str,
    model: AnyModel,
    registry: ModelRegistry,
    *,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    plots: Mapping[str, bytes],
    tags: Mapping[str, str],
    card: ModelCard,
) -> RegisteredVersion:
    """Register a model of either kind with all that is known of its making."""
    is_block = isinstance(model, BlockModel)
    inputs = {"square": "string"} if is_block else dict.fromkeys(SCALARS, "float")
    made_by = {"approach": model.approach, "signals_version": model.signals_version}
    with tempfile.TemporaryDirectory() as scratch:
        model.save(Path(scratch))
        return registry.log_and_register(
            flag,
            folder=Path(scratch),
            code=Path(__file__).with_name("block_model.py" if is_block else "flag_model.py"),
            inputs=inputs if is_block else {**inputs, "embedding": "floats"},
            params={
                "algorithm": ALGORITHM,
                **made_by,
                **params,
                **{f"limit_{name}": value for name, value in model.limits.items()},
            },
            metrics=metrics,
            plots=plots,
            tags={**made_by, **tags},
            card=card,
            requirements=("torch", "transformers") if is_block else ("scikit-learn", "skops"),
        )


def _curves(
    flag: str,
    trained: Sequence[Trained],
    chosen: Trained,
    train: pl.DataFrame,
    answered: pl.DataFrame,
) -> bytes:
    """Return the plot, a PNG: precision and recall held out and, of each approach, out of fold."""
    truth = train["value"].to_numpy()
    held = (answered["value"].to_numpy(), answered["probability"].to_numpy())
    curves = [("held out", *held, chosen.model.limits["flag"])]
    curves += [
        (f"{t.model.approach}, out of fold", truth, t.p, t.model.limits["flag"])
        for t in trained
        if len(t.p) == len(truth)
    ]
    return precision_recall_plot(f"{flag}: precision and recall", curves)


@functools.lru_cache(maxsize=16)
def load_model(folder: Path) -> AnyModel:
    """Load a registered version of either kind; its folder never changes, so once is enough."""
    block = (Path(folder) / "backbone").is_dir()
    return BlockModel.load(folder) if block else FlagModel.load(folder)


def _train_all(
    flag: str,
    train: pl.DataFrame,
    settings: Settings,
    signals_version: str,
    squares: Squares | None,
) -> list[Trained]:
    """Train every approach; all are measured on the same examples."""
    learning, review, seed = settings.learning, settings.review, settings.seed
    heads = train_heads(flag, train, learning, review, seed, signals_version=signals_version)
    if squares is None or not learning.retrain_block:
        return heads
    from imgassets.learning.block_training import subset, train_block

    part = subset(train)
    block = train_block(
        flag, part, squares, settings.vision, learning, review, seed, signals_version
    )
    if part.height < train.height:
        shared = train["example_id"].is_in(part["example_id"].to_list()).to_numpy()
        truth, real = train["value"].to_numpy()[shared], is_real(train)[shared]
        heads = [
            Trained(t.model, measures(truth, t.p[shared] >= t.model.limits["flag"], real), t.p)
            for t in heads
        ]
    return [*heads, block]


def _counts(examples: pl.DataFrame) -> dict[str, int]:
    counts = examples.group_by("origin", "value").len().sort("origin", "value")
    return {f"{origin}_{'yes' if value else 'no'}": n for origin, value, n in counts.iter_rows()}


def _already_trained(
    registry: ModelRegistry, flag: str, made: RegisteredVersion, champion: RegisteredVersion | None
) -> FlagReport:
    """Report the version that these examples made; finish a promotion that was cut short."""
    if promote := needs_promotion(made, champion):
        registry.promote(flag, made.version)
    return FlagReport(
        version=made,
        retrained=False,
        promoted=promote,
        explanation=f"the same examples made version {made.version}: {made.tags['explanation']}",
        approach=made.tags["approach"],
        metrics={made.tags["metric"]: float(value)} if (value := made.tags["value"]) else {},
        n_train=int(made.tags["n_train"]),
        n_test=int(made.tags["n_test"]),
    )
