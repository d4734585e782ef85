"""Training the ranker of review photos: examples are made, approaches compete, figures are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from imgassets import __version__
from imgassets.ingest.store import ImageStore
from imgassets.learning.nima.heads import KINDS, Heads, heads_of
from imgassets.learning.ranking.champion import MODEL
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.models import TrainingError, follow_registry
from imgassets.operations.nima import train_head
from imgassets.operations.photo_ranker import photo_limits
from imgassets.settings import Settings
from imgassets.vision.photo_version import photo_signals_version, weight_files
from imgassets.warehouse.contracts import RankingEvaluations
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

if TYPE_CHECKING:
    from imgassets.learning.ranking.training import RankerReport

Progress = Callable[[int, int], None]


def train_ranker(
    warehouse: Warehouse,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
    made: Progress | None = None,
    fitted: Progress | None = None,
) -> RankerReport:
    """Train the ranker, promote it if it is better, and record the figures.

    Where NIMA has no heads yet, they are trained first, on the same examples.

    Args:
        warehouse: holds images, and distorted examples made before.
        registry: where versions are kept.
        store: holds the pictures that are distorted.
        settings: towers, backbone, seed, share held out, training.
        made: called with (done, total) examples that are made now.
        fitted: called with (done, total) networks that are fitted.

    Raises:
        TrainingError: there is nothing to learn from; the message says what to do.
        RegistryUnavailable: the registry does not answer.
    """
    # Loaded where they are used: they bring what draws and measures synthetic pictures.
    from imgassets.learning.ranking import training
    from imgassets.learning.ranking.competition import Data
    from imgassets.operations.ranking_examples import ranking_examples

    examples = ranking_examples(warehouse, store, settings, made)
    data = Data(
        examples=examples.rows,
        held=examples.held,
        heads=_heads(warehouse, registry, store, settings),
        limits=photo_limits(settings),
        settings=settings.ranking,
        seed=settings.seed,
        features_version=photo_signals_version(settings),
    )
    try:
        report = training.train_ranker(data, registry, warehouse.snapshot_id(), fitted)
    except ValueError as error:
        raise TrainingError(f"no ranker can be trained: {error}") from error
    keep_evaluations(report, warehouse)
    follow_registry(warehouse, registry)
    return replace(report, notes=(*data.heads.notes, *report.notes))


def keep_evaluations(report: RankerReport, warehouse: Warehouse) -> None:
    """Record what was measured of a version in ``ranking_evaluations``."""
    name = f"{MODEL}-{report.version.version}"
    rows = report.evaluations.with_columns(model_version=pl.lit(name))
    by_dataset = rows.partition_by("dataset", as_dict=True, maintain_order=True)
    warehouse.replace(
        [
            Replacement(
                RankingEvaluations,
                RankingEvaluations.conform(part),
                equals={"model_version": name, "dataset": str(dataset)},
            )
            for (dataset,), part in by_dataset.items()
        ],
        CommitMessage(asset=MODEL, code_version=__version__),
    )


def _heads(
    warehouse: Warehouse, registry: ModelRegistry, store: ImageStore, settings: Settings
) -> Heads:
    """Return NIMA's heads; those that are missing are trained, if there is enough to learn from."""
    heads = heads_of(settings, registry)
    missing = [kind for kind in KINDS if heads[kind] is None]
    if not missing or weight_files(settings.ranking) is not None:
        return heads
    failed = []
    for kind in missing:
        try:
            train_head(kind, warehouse, registry, store, settings)
        except TrainingError as error:
            failed.append(f"no head of {kind} ratings: {error}")
    found = heads_of(settings, registry)
    return replace(found, notes=(*found.notes, *failed))
