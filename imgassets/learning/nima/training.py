"""A head of NIMA from targets to registry: train, measure, describe, register, promote.

The features are not trained: they are those that are stored. A head that learnt from people's
ratings is never replaced by one that learnt from made-up targets of distorted photos; between heads
of one source, the lower distance on the same held-out photos decides. A head that is no better than
the mean distribution does not answer at all.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.cards import ModelCard
from imgassets.learning.evaluation import group_split
from imgassets.learning.nima import head as head_file
from imgassets.learning.nima.fit import (
    BATCH,
    DECAY,
    DROPOUT,
    EPOCHS,
    PATIENCE,
    RATE,
    FittedHead,
    Quality,
    fit_head,
    quality,
)
from imgassets.learning.nima.head import RATINGS, NimaHead
from imgassets.learning.nima.heads import model_of
from imgassets.learning.nima.targets import GOOD, LOSS, SPREAD, Targets
from imgassets.learning.outcome import TrainingOutcome
from imgassets.learning.registered import CorruptedModel, RegisteredVersion, needs_promotion
from imgassets.learning.registry import ModelRegistry

METRIC = "emd"
"""What promotion is decided by; less is better."""

ALGORITHM = "nima-head-1"
"""Version of all in `learning/nima` that can change a head trained on the same data."""

_MIN_GROUPS = 3
"""One to test on, one to say when to stop, one to train on."""

_TARGETS = {
    "ratings": "people's ratings",
    "distortions": (
        f"made-up ratings of distorted photos: mean {GOOD:g} − {LOSS:g} · severity, standard "
        f"deviation {SPREAD:g}, of maximum entropy; only their order means something"
    ),
}


@dataclass(frozen=True, kw_only=True)
class NimaReport(TrainingOutcome):
    """What a training of one of NIMA's heads did.

    Attributes:
        source: what was learnt from.
        metrics: measures on held-out groups: emd, emd_of_mean (of answering the training part's
            mean distribution), srcc, lcc, n.
    """

    source: str


def train_nima(
    kind: str,
    targets: Targets,
    registry: ModelRegistry,
    snapshot_id: int,
    *,
    holdout: float = 0.2,
    seed: int = 0,
) -> NimaReport:
    """Train a head, measure it on held-out groups, register it, promote it if it is better.

    Targets that already made a version make no second one while its files are intact.

    Args:
        kind: what is rated: ``aesthetic`` or ``technical``.
        targets: photos' features and distributions.
        registry: where versions are kept.
        snapshot_id: warehouse snapshot that the photos were read from.
        holdout: share of the groups held out.
        seed: of the split and the training.

    Raises:
        ValueError: too few groups.
        RegistryUnavailable: the registry does not answer.
    """
    rows, model = targets.rows, model_of(kind)
    groups = rows["group_id"].n_unique()
    if groups < _MIN_GROUPS:
        raise ValueError(
            f"a head of NIMA needs photos of {_MIN_GROUPS} products or styles at least, there are "
            f"{groups}"
        )
    hashed = _data_hash(kind, targets, holdout, seed)
    champion = registry.champion(model)
    for made in registry.versions(model):
        if made.tags.get("data_hash") == hashed and registry.is_intact(model, made.version):
            return _already_trained(registry, model, made, champion)

    train, test = group_split(rows, holdout, seed)
    x, y = matrices(train)
    fitted = fit_head(x, y, train["group_id"].to_list(), seed)
    info = {
        "source": targets.source,
        "train_groups": sorted(_hidden(group) for group in train["group_id"].unique()),
    }
    head = NimaHead(
        kind, fitted.weight, fitted.bias, targets.features_version, length=x.shape[1], info=info
    )
    found, mean = _measured(head, test), y.mean(axis=0)
    baseline = quality(matrices(test)[1], np.tile(mean, (test.height, 1)))
    if found.emd < baseline.emd:
        wins, explanation = _contest(registry, champion, model, head, test)
    else:
        wins = False
        explanation = (
            f"no better on {found.n} held-out photos than to answer the mean distribution always: "
            f"{METRIC} {found.emd:.4f} against {baseline.emd:.4f}; more photos or products are "
            "needed"
        )
    metrics = _finite(
        {"emd": found.emd, "emd_of_mean": baseline.emd, "srcc": found.srcc, "lcc": found.lcc,
         "validation_emd": fitted.validation_emd, "n": float(found.n)}
    )  # fmt: skip
    decision = f"{'promoted' if wins else 'not promoted'}: {explanation}"
    with tempfile.TemporaryDirectory() as scratch:
        head.save(Path(scratch))
        version = registry.log_and_register(
            model,
            folder=Path(scratch),
            code=Path(head_file.__file__),
            inputs={"nima": "floats"},
            params={
                "algorithm": ALGORITHM,
                "source": targets.source,
                "features_version": targets.features_version,
                "epochs": fitted.epochs,
                "learning_rate": RATE,
                "weight_decay": DECAY,
                "dropout": DROPOUT,
                "seed": seed,
                "snapshot_id": snapshot_id,
                "n_train": train.height,
                "n_test": test.height,
            },
            metrics=metrics,
            plots={},
            tags={
                "data_hash": hashed,
                "decision": "promote" if wins else "keep",
                "explanation": explanation,
                "source": targets.source,
                "snapshot_id": str(snapshot_id),
                "metric": METRIC,
                "value": repr(found.emd),
                "n_train": str(train.height),
                "n_test": str(test.height),
            },
            card=_card(head, targets, fitted, train, test, metrics, decision),
        )
    if wins:
        registry.promote(model, version.version)
    return NimaReport(
        version=version,
        retrained=True,
        promoted=wins,
        explanation=explanation,
        source=targets.source,
        metrics=metrics,
        n_train=train.height,
        n_test=test.height,
        notes=targets.notes,
    )


def matrices(rows: pl.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return features, float32 [n, d], and targets, float32 [n, 10], of rows with lists of both."""
    width = len(rows["nima"][0])
    return (
        rows["nima"].list.to_array(width).to_numpy().astype(np.float32),
        rows["target"].list.to_array(RATINGS).to_numpy().astype(np.float32),
    )


def _measured(head: NimaHead, rows: pl.DataFrame) -> Quality:
    features, targets = matrices(rows)
    return quality(targets, head.distribution(features))


def _contest(
    registry: ModelRegistry,
    champion: RegisteredVersion | None,
    model: str,
    candidate: NimaHead,
    test: pl.DataFrame,
) -> tuple[bool, str]:
    """Compare with the champion; return whether the candidate wins and a sentence why."""
    if champion is None:
        return True, "first version: no champion to compare with"
    name = f"champion {champion.version}"
    try:
        holder = NimaHead.load(registry.download(model, champion.version))
    except (CorruptedModel, ValueError) as error:
        return True, f"{name} cannot be read, replaced: {error}"
    if holder.features_version != candidate.features_version:
        return True, (
            f"{name} reads features '{holder.features_version}', not "
            f"'{candidate.features_version}': not comparable, replaced"
        )
    sources = (holder.info["source"], candidate.info["source"])
    if sources == ("ratings", "distortions"):
        return False, f"{name} learnt from people's ratings, this one from made-up ones: kept"
    if sources == ("distortions", "ratings"):
        return True, f"{name} learnt from made-up ratings, this one from people's: replaced"
    seen = set(holder.info["train_groups"])
    unseen = [group for group in test["group_id"].unique() if _hidden(group) not in seen]
    common = test.filter(pl.col("group_id").is_in(unseen))
    if common.is_empty():
        return True, f"{name} was trained on all held-out photos: not comparable, replaced"
    new, old = _measured(candidate, common).emd, _measured(holder, common).emd
    wins = new < old
    return wins, (
        f"{'better' if wins else 'not better'} than {name} on the same {common.height} held-out "
        f"photos: {METRIC} {new:.4f} against {old:.4f} ({new - old:+.4f})"
    )


def _card(
    head: NimaHead,
    targets: Targets,
    fitted: FittedHead,
    train: pl.DataFrame,
    test: pl.DataFrame,
    metrics: Mapping[str, float],
    decision: str,
) -> ModelCard:
    """Describe a version."""
    counts = pl.DataFrame(
        [(head.kind, split, targets.source, part.height)
         for split, part in (("train", train), ("held out", test))],
        schema={"label": pl.String, "split": pl.String, "source": pl.String, "n": pl.Int64},
        orient="row",
    )  # fmt: skip
    by_category = pl.DataFrame(
        [(category, *_measured(head, part))
         for (category,), part in sorted(test.group_by("category"), key=lambda item: str(item[0]))],
        schema={"category": pl.String, "emd": pl.Float64, "srcc": pl.Float64, "lcc": pl.Float64,
                "n": pl.Int64},
        orient="row",
    ).with_columns(pl.col("srcc", "lcc").fill_nan(None))  # fmt: skip
    limits = [
        "It rates photos as a whole; it looks for no face and tells nobody apart.",
        "Orders photos of one product; a rating is no statement about a person or a product.",
    ]
    if targets.source == "distortions":
        limits.append(
            "It learnt from made-up ratings: its order means something, its numbers do not. "
            "People's ratings (`imgassets train nima --ratings`) replace it."
        )
    return ModelCard(
        model=model_of(head.kind),
        purpose=f"Predicts how people would rate a photo's {head.kind} quality, from 1 to 10.",
        approach=(
            "NIMA's head: a dense layer with softmax on stored features, which are not trained. "
            "Loss: squared earth mover's distance; AdamW, rate "
            f"{RATE:g}, decay {DECAY:g}, dropout {DROPOUT:g}, batches of {BATCH}; best of at most "
            f"{EPOCHS} epochs ({fitted.epochs}), stopped after {PATIENCE} without gain on held-out "
            f"groups. Learnt from {_TARGETS[targets.source]}."
        ),
        signals_version=head.features_version,
        data=counts,
        how_split="Parts share no product or style.",
        metrics=metrics,
        measured_on=(
            f"the held-out part, {test.height} photos; emd_of_mean is what answering the training "
            "part's mean distribution always would reach"
        ),
        metrics_by_category=by_category,
        decision=decision,
        known_failures=list(targets.notes),
        intended_use=limits,
    )


def _already_trained(
    registry: ModelRegistry,
    model: str,
    made: RegisteredVersion,
    champion: RegisteredVersion | None,
) -> NimaReport:
    """Report the version that these targets made; finish a promotion that was cut short."""
    if promote := needs_promotion(made, champion):
        registry.promote(model, made.version)
    return NimaReport(
        version=made,
        retrained=False,
        promoted=promote,
        explanation=f"the same photos made version {made.version}: {made.tags['explanation']}",
        source=made.tags["source"],
        metrics={made.tags["metric"]: float(made.tags["value"])},
        n_train=int(made.tags["n_train"]),
        n_test=int(made.tags["n_test"]),
        notes=(),
    )


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _hidden(group: str) -> str:
    """Return a hash of a group's id: a version outlives what was forgotten since."""
    return hashlib.sha256(group.encode()).hexdigest()[:16]


def _data_hash(kind: str, targets: Targets, holdout: float, seed: int) -> str:
    """Return a hash of all that decides which head comes out."""
    digest = hashlib.sha256(
        f"{ALGORITHM}\n{kind}\n{targets.source}\n{targets.features_version}\n{holdout}\n{seed}".encode()
    )
    for row in targets.rows.select("example_id", "group_id", "target").iter_rows():
        digest.update(repr(row).encode())
    return digest.hexdigest()
