"""A ranker of review photos from examples to registry: train, measure, register, promote.

A version holds the model and what was measured: `evaluations.parquet` and `ablation.parquet`.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from imgassets.learning.outcome import TrainingOutcome
from imgassets.learning.ranking import net
from imgassets.learning.ranking.approaches import APPROACHES
from imgassets.learning.ranking.card import describe_ranker
from imgassets.learning.ranking.champion import MODEL, load_version
from imgassets.learning.ranking.competition import Competition, Data, Progress, compete
from imgassets.learning.ranking.evaluation import (
    ALL,
    HELD_OUT,
    MEASURE,
    UNSEEN_FAMILIES,
    accuracy_of,
    held_out_pairs,
)
from imgassets.learning.ranking.plots import ablation_plot, accuracy_plot, blur_plot
from imgassets.learning.registered import CorruptedModel, RegisteredVersion, needs_promotion
from imgassets.learning.registry import ModelRegistry
from imgassets.reviews.baselines import BASELINES, RANKER

ALGORITHM = "review-ranker-1"
"""Version of everything in `learning/ranking` that can change a model of the same examples."""

EVALUATIONS, ABLATION = "evaluations.parquet", "ablation.parquet"


@dataclass(frozen=True, kw_only=True)
class RankerReport(TrainingOutcome):
    """What a training of the ranker did.

    Attributes:
        approach: what won.
        metrics: `pairwise_accuracy` on held-out pairs, `unseen_accuracy` on distortions that are
            never trained on.
        n_train: pairs trained on.
        n_test: held-out pairs.
        evaluations: every method on the same pairs; columns of
            :data:`imgassets.learning.ranking.evaluation.EVALUATION_SCHEMA`.
        ablation: `without`, `family`, `accuracy`.
        plots: PNG files by name; none where nothing was trained.
    """

    approach: str
    evaluations: pl.DataFrame
    ablation: pl.DataFrame
    plots: Mapping[str, bytes] = field(default_factory=dict)


def train_ranker(
    data: Data, registry: ModelRegistry, snapshot_id: int, progress: Progress | None = None
) -> RankerReport:
    """Train, measure on held-out groups, register, and promote if better than the champion.

    Examples that already made a version make no second one while its files are intact. The
    champion is asked about the same pairs; one that reads other features is replaced.

    Args:
        data: examples of both parts.
        registry: where versions are kept.
        snapshot_id: warehouse snapshot that the examples were read from.
        progress: called with (done, total) fits.

    Raises:
        ValueError: the training part or the held-out part holds no pair.
        RegistryUnavailable: the registry does not answer.
    """
    hashed = _data_hash(data)
    champion = registry.champion(MODEL)
    for made in registry.versions(MODEL):
        if made.tags.get("data_hash") == hashed and registry.is_intact(MODEL, made.version):
            return _already_trained(registry, made, champion)
    found = compete(data, APPROACHES, progress)
    wins, explanation = _contest(registry, champion, data, found)
    metrics, plots = _metrics(found), draw(data, found)
    version = _register(
        data, found, registry, metrics, plots,
        tags={
            "data_hash": hashed,
            "decision": "promote" if wins else "keep",
            "explanation": explanation,
            "snapshot_id": str(snapshot_id),
        },
    )  # fmt: skip
    if wins:
        registry.promote(MODEL, version.version)
    return RankerReport(
        version=version,
        retrained=True,
        promoted=wins,
        explanation=explanation,
        approach=found.model.approach,
        metrics=metrics,
        n_train=found.n_train,
        n_test=_n_test(found.evaluations),
        notes=found.notes,
        evaluations=found.evaluations,
        ablation=found.ablation,
        plots=plots,
    )


def draw(data: Data, found: Competition) -> dict[str, bytes]:
    """Return the plots of a competition, PNG files by name."""
    plots = {
        "accuracy_by_family": accuracy_plot(found.evaluations, (*BASELINES, *APPROACHES)),
        "score_against_blur": blur_plot(data.test, found.model.scores(data.test)),
    }
    if not found.ablation.is_empty():
        plots["ablation"] = ablation_plot(found.ablation)
    return plots


def _contest(
    registry: ModelRegistry, champion: RegisteredVersion | None, data: Data, found: Competition
) -> tuple[bool, str]:
    """Compare with the champion on the same held-out pairs."""
    if champion is None:
        return True, "first version: no champion to compare with"
    name = f"champion {champion.version}"
    try:
        theirs = load_version(registry.download(MODEL, champion.version))
    except (CorruptedModel, ValueError) as error:
        return True, f"{name} cannot be read, replaced: {error}"
    if theirs.features_version != data.features_version:
        return True, (
            f"{name} reads features '{theirs.features_version}', not '{data.features_version}': it "
            "cannot answer, replaced"
        )
    test = data.test
    pairs = held_out_pairs(test, data.n_judged, data.seed, data.limits)
    new, old = (accuracy_of(m.scores(test), pairs) for m in (found.model, theirs))
    verdict = "better" if new > old else "not better"
    return new > old, (
        f"{verdict} than {name} on the same {int(pairs.slices[ALL].sum())} held-out pairs: "
        f"{MEASURE} {new:.4f} against {old:.4f} ({new - old:+.4f})"
    )


def _metrics(found: Competition) -> dict[str, float]:
    """Return the ranker's own measures under flat names, and every method's over all pairs."""
    known = found.evaluations.filter(pl.col("value").is_not_null())
    own = {
        (row["dataset"], row["slice"]): row["value"]
        for row in known.filter(pl.col("method") == RANKER).to_dicts()
    }
    flat = {MEASURE: own[HELD_OUT, ALL]}
    if (HELD_OUT, ALL) in own and (UNSEEN_FAMILIES, ALL) in own:
        flat["unseen_accuracy"] = own[UNSEEN_FAMILIES, ALL]
    flat |= {f"{dataset}: {part}": value for (dataset, part), value in own.items() if part != ALL}
    rivals = known.filter(pl.col("method") != RANKER, pl.col("slice") == ALL)
    flat |= {f"{row['method']}: {row['dataset']}": row["value"] for row in rivals.to_dicts()}
    flat |= {
        f"without {row['without']}: {row['family']}": row["accuracy"]
        for row in found.ablation.filter(pl.col("without") != "").to_dicts()
    }
    return {name: float(value) for name, value in flat.items() if np.isfinite(value)}


def _n_test(evaluations: pl.DataFrame) -> int:
    of = evaluations.filter(
        pl.col("dataset") == HELD_OUT, pl.col("method") == RANKER, pl.col("slice") == ALL
    )
    return int(of["n"][0])


def _register(
    data: Data,
    found: Competition,
    registry: ModelRegistry,
    metrics: Mapping[str, float],
    plots: Mapping[str, bytes],
    tags: Mapping[str, str],
) -> RegisteredVersion:
    decided = "promoted" if tags["decision"] == "promote" else "not promoted"
    params: dict[str, Any] = {
        "algorithm": ALGORITHM,
        "approach": found.model.approach,
        "features_version": data.features_version,
        "nima": data.heads.version or "none",
        "seed": data.seed,
        "n_examples": data.examples.height,
        "n_pairs": found.n_train,
        **data.settings.model_dump(
            mode="json", include={"margin", "epochs", "learning_rate", "weight_decay", "holdout"}
        ),
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found.model.save(folder)
        found.evaluations.write_parquet(folder / EVALUATIONS)
        found.ablation.write_parquet(folder / ABLATION)
        return registry.log_and_register(
            MODEL,
            folder=folder,
            code=Path(net.__file__),
            inputs={
                name: "floats" if name in ("nima", "embedding") else "float"
                for name in found.model.columns
            },
            params=params,
            metrics=metrics,
            plots=plots,
            tags={
                "approach": found.model.approach,
                "metric": MEASURE,
                "value": repr(metrics[MEASURE]),
                "n_train": str(found.n_train),
                "n_test": str(_n_test(found.evaluations)),
                "signals_version": data.features_version,
                **tags,
            },
            card=describe_ranker(data, found, decision=f"{decided}: {tags['explanation']}"),
        )


def _already_trained(
    registry: ModelRegistry, made: RegisteredVersion, champion: RegisteredVersion | None
) -> RankerReport:
    """Report the version that these examples made; finish a promotion that was cut short."""
    if promote := needs_promotion(made, champion):
        registry.promote(MODEL, made.version)
    folder = registry.download(MODEL, made.version)
    evaluations = pl.read_parquet(folder / EVALUATIONS)
    return RankerReport(
        version=made,
        retrained=False,
        promoted=promote,
        explanation=f"the same examples made version {made.version}: {made.tags['explanation']}",
        approach=made.tags["approach"],
        metrics={made.tags["metric"]: float(made.tags["value"])},
        n_train=int(made.tags["n_train"]),
        n_test=int(made.tags["n_test"]),
        notes=(),
        evaluations=evaluations,
        ablation=pl.read_parquet(folder / ABLATION),
    )


def _data_hash(data: Data) -> str:
    """Return a hash of all that decides which model comes out."""
    limits = sorted((name, limit.model_dump_json()) for name, limit in data.limits.items())
    parts = [
        ALGORITHM, data.features_version, data.seed, data.heads.version, limits,
        data.settings.model_dump_json(exclude={"max_count"}), sorted(data.held),
    ]  # fmt: skip
    digest = hashlib.sha256(repr(parts).encode())
    for row in data.examples.select("example_id", "group_id").sort("example_id").iter_rows():
        digest.update(repr(row).encode())
    return digest.hexdigest()
