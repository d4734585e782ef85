"""A model of image types from labels to registry: train, compare, describe, register, promote.

There is one model of all categories together and, where labels allow it, one per vertical and one
per category (:mod:`imgassets.learning.type_scopes`). A version holds the model that answers, fitted
on all labels, and `held_out.parquet`: what models of the same approach, which had not seen an
image's group, answered on it. Every reported measure is of these answers, and so is every contest:
with the present champion, and with the wider model that answers a category until it has its own.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from imgassets.learning.evaluation import Evaluation, evaluate, luck_of_win
from imgassets.learning.features import embedding_matrix
from imgassets.learning.outcome import TrainingOutcome
from imgassets.learning.registered import CorruptedModel, RegisteredVersion, needs_promotion
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_approaches import (
    BLOCK,
    AnyTypeModel,
    Squares,
    compare_approaches,
    comparison_table,
)
from imgassets.learning.type_block import TypeBlock
from imgassets.learning.type_card import describe_types
from imgassets.learning.type_net import TypeNet
from imgassets.learning.type_scopes import Scope
from imgassets.learning.type_training import PARTS, Candidate, choose, data_hash

if TYPE_CHECKING:
    from imgassets.settings import Settings

METRIC = "macro_f1"
"""What promotion is decided by."""

ALGORITHM = "image-types-2"
"""Version of everything here and in `type_*.py` that can change a model of the same labels."""

HELD_OUT = "held_out.parquet"

CHANCE = 0.05
"""A narrower model, which has seen fewer labels, answers only where its win over a wider one on the
same images is luck with at most this probability: on a few dozen images most small wins are."""


@dataclass(frozen=True, kw_only=True)
class TrainingReport(TrainingOutcome):
    """What a training of image types did.

    Attributes:
        scope: the images that the model is for.
        is_champion: `version` answers, now or still.
        approach: what won.
        metrics: held-out measures of the version, e.g. `macro_f1`, `recall_back`, and of every
            approach.
        n_train: labelled images trained on.
        n_test: labelled images that were held out in turn.
        comparison: a row per approach (approach, n, accuracy, macro_f1, ece, temperature); empty
            where nothing was trained.
    """

    scope: Scope
    is_champion: bool
    approach: str
    comparison: pl.DataFrame


def train_types(
    scope: Scope,
    labelled: pl.DataFrame,
    registry: ModelRegistry,
    settings: Settings,
    *,
    snapshot_id: int,
    signals_version: str,
    wider: Sequence[Scope] = (),
    squares: Squares | None = None,
) -> TrainingReport:
    """Train, measure on held-out groups, register, and promote if better than what answers now.

    Labels that already made a version make no second one while its files are intact. A champion
    for other signals, or whose files are corrupted, is replaced.

    Args:
        scope: the images that the model is for.
        labelled: `product_id`, `image_id`, `category`, `image_type`, `group_id` and `embedding`
            (list of d floats), one row per labelled image of the scope.
        registry: where versions are kept.
        settings: seed, limits, the backbone.
        snapshot_id: warehouse snapshot that the labels and embeddings were read from.
        signals_version: signals of all the embeddings.
        wider: the scopes that answer until this one has a champion, the closest first.
        squares: loads the backbone's inputs, to retrain its last block; None: the networks on
            embeddings alone compete.

    Raises:
        ValueError: too few labels, groups or classes, or embeddings of several lengths.
        RegistryUnavailable: the registry does not answer.
    """
    labelled = labelled.sort("product_id", "image_id")
    matrix, seed = embedding_matrix(labelled), settings.seed
    pixels = squares is not None and settings.learning.retrain_block
    hashed = data_hash(labelled, matrix, repr([ALGORITHM, signals_version, seed, pixels]))
    champion = registry.champion(scope.model)
    for made in registry.versions(scope.model):
        if made.tags.get("data_hash") == hashed and registry.is_intact(scope.model, made.version):
            return _already_trained(scope, registry, made, champion)

    candidates, fits = compare_approaches(
        labelled, matrix, settings, signals_version, squares if pixels else None
    )
    labels = labelled["image_type"].to_list()
    chosen = choose(candidates, labels, settings.learning.pixel_margin, BLOCK)
    held_out = _held_out(labelled, chosen)
    wins, explanation = _contest(scope, registry, champion, wider, held_out, signals_version)
    model = fits[chosen.approach]().with_temperature(chosen.temperature)
    comparison = comparison_table(candidates)
    version = _register(
        scope, model, chosen, held_out, comparison, registry, settings,
        tags={
            "data_hash": hashed,
            "decision": "promote" if wins else "keep",
            "explanation": explanation,
            "snapshot_id": str(snapshot_id),
            "n_train": str(labelled.height),
        },
    )  # fmt: skip
    if wins:
        registry.promote(scope.model, version.version)
    return TrainingReport(
        scope=scope,
        version=version,
        retrained=True,
        promoted=wins,
        is_champion=wins,
        explanation=explanation,
        approach=chosen.approach,
        metrics=_metrics(chosen, comparison),
        n_train=labelled.height,
        n_test=held_out.height,
        notes=tuple(str(note) for note in model.info["notes"]),
        comparison=comparison,
    )


@functools.lru_cache(maxsize=64)
def load_model(folder: Path, device: str = "auto") -> AnyTypeModel:
    """Load a registered version of either kind; its folder never changes, so once is enough.

    Raises:
        CorruptedVersion: it holds neither, e.g. because an older release made it.
    """
    if (Path(folder) / "net.json").is_file():
        return TypeNet.load(folder)
    return TypeBlock.load(folder, device)


def held_out_answers(registry: ModelRegistry, model: str, version: int) -> pl.DataFrame | None:
    """Return a version's held-out answers; None of a version that an older release made.

    Returns:
        Frame (product_id, image_id, category, image_type, answer, probability).

    Raises:
        CorruptedModel: its files are not those that were registered.
    """
    file = registry.download(model, version) / HELD_OUT
    return pl.read_parquet(file) if file.is_file() else None


def _held_out(labelled: pl.DataFrame, chosen: Candidate) -> pl.DataFrame:
    told = ~np.isnan(chosen.p).any(axis=1)
    p = chosen.p[told]
    return labelled.filter(pl.Series(told)).select(
        "product_id",
        "image_id",
        "category",
        "image_type",
        answer=pl.Series([chosen.classes[i] for i in p.argmax(axis=1)], dtype=pl.String),
        probability=pl.Series(p.max(axis=1), dtype=pl.Float64),
    )


def _contest(
    scope: Scope,
    registry: ModelRegistry,
    champion: RegisteredVersion | None,
    wider: Sequence[Scope],
    held_out: pl.DataFrame,
    signals_version: str,
) -> tuple[bool, str]:
    """Compare held-out answers with the champion's, or with the closest wider champion's."""
    if champion is not None:
        name = f"champion {champion.version}"
        return _against(registry, scope, champion, name, held_out, signals_version)
    for other in wider:
        if (rival := registry.champion(other.model)) is not None:
            name = f"champion {rival.version} of {other}"
            return _against(registry, other, rival, name, held_out, signals_version, CHANCE)
    return True, "first version: no champion to compare with"


def _against(
    registry: ModelRegistry,
    scope: Scope,
    rival: RegisteredVersion,
    name: str,
    held_out: pl.DataFrame,
    signals_version: str,
    chance: float = 1.0,
) -> tuple[bool, str]:
    """Compare with one rival; `chance` is the largest probability of a win by luck."""
    try:
        theirs = held_out_answers(registry, scope.model, rival.version)
    except CorruptedModel as error:
        return True, f"{name} cannot be read, replaced: {error}"
    made_for = rival.tags.get("signals_version", "")
    if made_for != signals_version:
        return True, (
            f"{name} reads signals '{made_for}', not '{signals_version}': it cannot answer, "
            "replaced"
        )
    if theirs is None:
        return True, f"{name} was made by an older release: not comparable, replaced"
    both = held_out.join(
        theirs.select("product_id", "image_id", theirs="answer"), on=["product_id", "image_id"]
    )
    if both.is_empty():
        return True, f"{name} was measured on no image of these: not comparable, replaced"
    labels = both["image_type"].to_list()
    scored = {*both["answer"], *both["theirs"]}
    new = evaluate(labels, both["answer"].to_list(), scored).macro_f1
    old = evaluate(labels, both["theirs"].to_list(), scored).macro_f1
    luck = luck_of_win(labels, both["answer"].to_list(), both["theirs"].to_list())
    verdict = "not better" if new <= old else "better" if luck <= chance else "not clearly better"
    explanation = (
        f"{verdict} than {name} on the same {both.height} held-out images: {METRIC} {new:.4f} "
        f"against {old:.4f} ({new - old:+.4f})"
    )
    if verdict == "not clearly better":
        explanation += f", by luck with probability {luck:.2f}, over {chance:g}"
    return verdict == "better", explanation


def _metrics(chosen: Candidate, comparison: pl.DataFrame) -> dict[str, float]:
    by_approach = {
        f"{row['approach']}_{name}": float(row[name])
        for row in comparison.to_dicts()
        for name in ("accuracy", "macro_f1", "ece")
    }
    return {**chosen.evaluation.metrics(), "ece": chosen.ece, **by_approach}


def _register(
    scope: Scope,
    model: AnyTypeModel,
    chosen: Candidate,
    held_out: pl.DataFrame,
    comparison: pl.DataFrame,
    registry: ModelRegistry,
    settings: Settings,
    tags: Mapping[str, str],
) -> RegisteredVersion:
    """Register a model of either kind with all that is known of its making."""
    is_block = isinstance(model, TypeBlock)
    evaluation: Evaluation = chosen.evaluation
    decided = "promoted" if tags["decision"] == "promote" else "not promoted"
    card = describe_types(
        scope, model, held_out, evaluation, comparison,
        limits=settings.types,
        decision=f"{decided}: {tags['explanation']}",
    )  # fmt: skip
    params: dict[str, Any] = {
        "algorithm": ALGORITHM,
        "approach": chosen.approach,
        "scope": str(scope),
        "classes": ", ".join(model.classes),
        "signals_version": model.signals_version,
        "seed": settings.seed,
        "temperature": chosen.temperature,
        "parts": PARTS,
        "n_labels": tags["n_train"],
        "n_held_out": held_out.height,
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model.save(folder)
        held_out.write_parquet(folder / HELD_OUT)
        return registry.log_and_register(
            scope.model,
            folder=folder,
            code=Path(__file__).with_name("type_block.py" if is_block else "type_net.py"),
            inputs=(
                {"square": "string"} if is_block else {"embedding": "floats", "category": "string"}
            ),
            params=params,
            metrics=_metrics(chosen, comparison),
            plots={
                "confusion": evaluation.confusion_plot(
                    f"{scope.model}, {evaluation.n} held-out images"
                )
            },
            tags={
                "approach": chosen.approach,
                "signals_version": model.signals_version,
                "metric": METRIC,
                "value": repr(evaluation.macro_f1),
                "n_test": str(held_out.height),
                **tags,
            },
            card=card,
            requirements=("torch", "transformers") if is_block else (),
        )


def _already_trained(
    scope: Scope,
    registry: ModelRegistry,
    made: RegisteredVersion,
    champion: RegisteredVersion | None,
) -> TrainingReport:
    """Report the version that these labels made; finish a promotion that was cut short."""
    if promote := needs_promotion(made, champion):
        registry.promote(scope.model, made.version)
    return TrainingReport(
        scope=scope,
        version=made,
        retrained=False,
        promoted=promote,
        is_champion=promote or (champion is not None and champion.version == made.version),
        explanation=f"the same labels made version {made.version}: {made.tags['explanation']}",
        approach=made.tags["approach"],
        metrics={made.tags["metric"]: float(made.tags["value"])},
        n_train=int(made.tags["n_train"]),
        n_test=int(made.tags["n_test"]),
        notes=(),
        comparison=comparison_table(()),
    )
