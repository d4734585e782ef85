"""A flag's model from examples to registry: train, compare, describe, register, promote."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
from imgassets.learning.limits import measures
from imgassets.learning.registered import PROMOTED_TAG, CorruptedModel, RegisteredVersion
from imgassets.learning.registry import ModelRegistry

if TYPE_CHECKING:
    from imgassets.settings import Settings

Pictures = Callable[[Sequence[str]], NDArray[np.uint8]]


@dataclass(frozen=True)
class FlagReport:
    """What a training did.

    Attributes:
        version: the version that these examples made, now or before.
        retrained: a new version was registered.
        promoted: the alias moved to it now.
        explanation: one sentence: what was decided, and by how much.
        approach: what won.
        metrics: held-out measures of it, and tuned ones of every approach.
        n_train: examples trained on.
        n_test: examples held out.
    """

    version: RegisteredVersion
    retrained: bool
    promoted: bool
    explanation: str
    approach: str
    metrics: Mapping[str, float]
    n_train: int
    n_test: int


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
    model = chosen.model
    p = answers_of(model, parts.test, squares)
    truth, real = parts.test["value"].to_numpy(), is_real(parts.test)
    measured = measures(truth, p >= model.limits["flag"], real)
    answered = parts.test.with_columns(
        probability=pl.Series(p), answer=pl.Series(p >= model.limits["flag"])
    )
    name = f"champion {champion.version}" if champion else ""
    try:
        holder = load_model(registry.download(flag, champion.version)) if champion else None
        wins, explanation = contest(model, holder, name, parts.test, squares, chosen.tuned)
    except CorruptedModel as error:
        wins, explanation = True, f"{name} cannot be read, replaced: {error}"
    model.info["history"] = [stage._asdict() for stage in history]
    model.info["held_out"] = measured.flat() if measured.positives else {}
    metrics = {
        **measured.flat(),
        **{k: v for t in trained for k, v in t.tuned.flat(f"tuned_{t.model.approach}_").items()},
        **{f"augmentation_{s.stage}_f1": s.f1 for s in history},
    }
    tags = {
        "data_hash": hashed,
        "decision": "promote" if wins else "keep",
        "explanation": explanation,
        "approach": model.approach,
        "signals_version": signals_version,
        "snapshot_id": str(snapshot_id),
        "metric": METRIC,
        "value": repr(measured.f1),
        "n_train": str(parts.train.height),
        "n_test": str(parts.test.height),
    }
    card = describe_flag(
        question, trained, chosen, parts, answered, measured, history,
        f"{'promoted' if wins else 'not promoted'}: {explanation}",
    )  # fmt: skip
    curves = [("held out", truth, p, model.limits["flag"])]
    tuned_truth = parts.train["value"].to_numpy()
    curves += [
        (f"{t.model.approach}, out of fold", tuned_truth, t.p, t.model.limits["flag"])
        for t in trained
        if len(t.p) == len(tuned_truth)
    ]
    is_block = isinstance(model, BlockModel)
    inputs = {"square": "string"} if is_block else dict.fromkeys(SCALARS, "float")
    with tempfile.TemporaryDirectory() as scratch:
        model.save(Path(scratch))
        version = registry.log_and_register(
            flag,
            folder=Path(scratch),
            code=Path(__file__).with_name("block_model.py" if is_block else "flag_model.py"),
            inputs=inputs if is_block else {**inputs, "embedding": "floats"},
            params={
                "algorithm": ALGORITHM,
                "approach": model.approach,
                "seed": settings.seed,
                "signals_version": signals_version,
                "snapshot_id": snapshot_id,
                "stages": len(history),
                **{f"limit_{name}": value for name, value in model.limits.items()},
                **{f"n_{name}": str(count) for name, count in _counts(examples).items()},
            },
            metrics=metrics,
            plots={
                "precision_recall": precision_recall_plot(f"{flag}: precision and recall", curves),
                "mistakes": mistakes_sheet(f"{flag}, held out", answered, pictures),
            },
            tags=tags,
            card=card,
            requirements=("torch", "transformers") if is_block else ("scikit-learn", "skops"),
        )
    if wins:
        registry.promote(flag, version.version)
    return FlagReport(
        version=version,
        retrained=True,
        promoted=wins,
        explanation=explanation,
        approach=model.approach,
        metrics=metrics,
        n_train=parts.train.height,
        n_test=parts.test.height,
    )


def load_model(folder: Path) -> AnyModel:
    """Load a registered version of either kind."""
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
    """Report the version that these examples made; finish a promotion that was cut short.

    A version that was champion before and no longer is lost the alias to a person: it stays so.
    """
    promote = (
        made.tags["decision"] == "promote"
        and PROMOTED_TAG not in made.tags
        and (champion is None or champion.version < made.version)
    )
    if promote:
        registry.promote(flag, made.version)
    return FlagReport(
        version=made,
        retrained=False,
        promoted=promote,
        explanation=f"the same examples made version {made.version}: {made.tags['explanation']}",
        approach=made.tags["approach"],
        metrics={made.tags["metric"]: float(made.tags["value"])},
        n_train=int(made.tags["n_train"]),
        n_test=int(made.tags["n_test"]),
    )
