"""The loop: train on what people said, scan the catalog, ask; each round leaves one row."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.moderation.rounds import Limits, choose_tasks
from imgassets.operations.flag_examples import Progress, catalog_images
from imgassets.operations.flags import flags_of, score_model, train_flag_model
from imgassets.operations.reviews import known_values
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import ReviewRounds, ReviewTasks
from imgassets.warehouse.lake import Addition, CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import quote


class RoundClosed(RuntimeError):
    """A round cannot be run again: later ones built on its answers."""


class RoundReport(NamedTuple):
    """A finished round: its row of ``review_rounds``, and what the training decided."""

    row: dict[str, object]
    explanation: str


def next_round(warehouse: Warehouse, flag: str) -> int:
    """Return the number of the flag's next round, from 1."""
    warehouse.initialise()
    rounds = warehouse.read(ReviewRounds, where=f"flag = {quote(flag)}")
    return int(rounds["round"].max() or 0) + 1  # type: ignore[arg-type]


def run_round(
    flag_id: str,
    number: int,
    warehouse: Warehouse,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
    progress: Progress | None = None,
) -> RoundReport:
    """Run one round of the loop; its row and its new questions are committed together.

    The model that scans is the round's own, promoted or not: the champion alone decides about
    image sets. Run again before the next one, a round is replaced; questions stay.

    Raises:
        RoundClosed: a later round of the flag exists.
        ValueError: a round before this one is missing, or the flag is unknown.
        TooFewExamples: too few images are known to deserve the flag.
    """
    following = next_round(warehouse, flag_id)
    if number < following - 1:
        raise RoundClosed(
            f"round {number} of '{flag_id}' is closed: round {following - 1} was built on it; "
            f"run round {following - 1} or {following}"
        )
    if number > following:
        raise ValueError(f"round {following} of '{flag_id}' comes before round {number}")
    report = train_flag_model(flag_id, warehouse, registry, store, settings, progress)
    version = str(report.version.version)
    flag = flags_of(settings)[flag_id]
    images = catalog_images(warehouse, signals_version(settings.vision))
    model, p = score_model(registry, flag_id, report.version.version, images, store, settings)
    known = known_values(warehouse).filter(pl.col("flag") == flag_id)
    asked = warehouse.read(ReviewTasks, columns=["image_id"], where=f"flag = {quote(flag_id)}")
    settled = pl.concat([known.select("image_id"), asked.select("image_id")]).unique()
    chosen = choose_tasks(
        flag,
        images.select("image_id", "product_id", "category", "embedding").with_columns(
            probability=pl.Series(p)
        ),
        settled,
        Limits(model.limits["reject"], model.limits["review"], model.limits["flag"]),
        budget=settings.review.tasks_per_round,
        neighbours=settings.review.neighbours,
        number=number,
        model_version=version,
        seed=settings.seed,
    )
    counts = model.info["counts"]
    row: dict[str, object] = {
        "flag": flag_id,
        "round": number,
        "model_version": version,
        "promoted": report.promoted,
        "n_positive": counts["positive"],
        "n_negative": counts["negative"],
        "n_answers": int((known["origin"] == "answer").sum()),
        "n_scanned": images.height,
        "n_confident": chosen.n_confident,
        "n_uncertain": chosen.n_uncertain,
        "n_neighbours": chosen.n_neighbours,
        "n_tasks": chosen.tasks.height,
        "n_holdout": report.n_test,
        **{name: model.info["held_out"].get(name) for name in ("precision", "recall", "f1")},
        "reject_limit": model.limits["reject"],
        "review_limit": model.limits["review"],
    }
    schema = ReviewRounds.create_empty().schema
    warehouse.replace(
        [
            Replacement(
                ReviewRounds,
                pl.DataFrame([row], schema=schema),
                equals={"flag": flag_id, "round": number},
            ),
            Addition(ReviewTasks, chosen.tasks),
        ],
        CommitMessage(asset="review_rounds"),
    )
    return RoundReport(row, report.explanation)
