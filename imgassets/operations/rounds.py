"""The loop: train on what people said, scan the catalog, ask; each round leaves one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.registered import PROMOTED_TAG
from imgassets.learning.registry import ModelRegistry
from imgassets.moderation.flags import require_known
from imgassets.moderation.rounds import Limits, choose_tasks
from imgassets.operations.flags import flags_of, score_model, train_flag_model
from imgassets.operations.reviews import known_values
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import ReviewRounds, ReviewTasks
from imgassets.warehouse.lake import Addition, CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import quote

if TYPE_CHECKING:
    from imgassets.operations.flag_examples import Progress


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


def require_turn(warehouse: Warehouse, flag: str, number: int) -> None:
    """Raise unless a flag's round is the latest one, or the one after it.

    Raises:
        RoundClosed: a later round of the flag exists.
        ValueError: a round before this one is missing, or there is no such number.
    """
    following = next_round(warehouse, flag)
    if number < 1:
        raise ValueError(f"rounds are counted from 1: there is no round {number} of '{flag}'")
    if number < following - 1:
        raise RoundClosed(
            f"round {number} of '{flag}' is closed: round {following - 1} was built on it; "
            f"run round {following - 1} or {following}"
        )
    if number > following:
        raise ValueError(f"round {following} of '{flag}' comes before round {number}")


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
    image sets. Run again before the next one, a round's row is replaced; its questions stay, and
    count.

    Raises:
        RoundClosed: a later round of the flag exists.
        ValueError: a round before this one is missing, or the flag is unknown.
        TooFewExamples: too few images are known to deserve the flag.
    """
    # Loaded where it is used: a code location has no use for what draws synthetic pictures.
    from imgassets.operations.flag_examples import catalog_images

    require_known([flag_id], flags_of(settings))
    require_turn(warehouse, flag_id, number)
    images = catalog_images(warehouse, signals_version(settings.vision))
    finds = _earlier_finds(flag_id, number, images, warehouse, registry, store, settings)
    report = train_flag_model(flag_id, warehouse, registry, store, settings, progress, finds)
    version = str(report.version.version)
    flag = flags_of(settings)[flag_id]
    model, p = score_model(registry, flag_id, report.version.version, images, store, settings)
    known = known_values(warehouse).filter(pl.col("flag") == flag_id)
    asked = warehouse.read(
        ReviewTasks, columns=["image_id", "round"], where=f"flag = {quote(flag_id)}"
    )
    n_asked = asked.filter(pl.col("round") == number).height
    settled = pl.concat([known.select("image_id"), asked.select("image_id")]).unique()
    chosen = choose_tasks(
        flag,
        images.select("image_id", "product_id", "category", "embedding").with_columns(
            probability=pl.Series(p)
        ),
        settled,
        Limits(model.limits["reject"], model.limits["review"]),
        budget=max(0, settings.review.tasks_per_round - n_asked),
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
        # Also where a run that was killed before its commit had promoted it.
        "promoted": report.promoted or PROMOTED_TAG in report.version.tags,
        "n_positive": counts["positive"],
        "n_negative": counts["negative"],
        "n_answers": int((known["origin"] == "answer").sum()),
        "n_scanned": images.height,
        "n_confident": chosen.n_confident,
        "n_uncertain": chosen.n_uncertain,
        "n_neighbours": chosen.n_neighbours,
        "n_tasks": n_asked + chosen.tasks.height,
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


def _earlier_finds(
    flag_id: str,
    number: int,
    images: pl.DataFrame,
    warehouse: Warehouse,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
) -> list[str]:
    """Return the images that the round before was sure of; they join the training set.

    People's answers overrule them: what was judged counts as it was judged.
    """
    where = f"flag = {quote(flag_id)} AND round = {number - 1}"
    before = warehouse.read(ReviewRounds, where=where)
    if before.is_empty() or images.is_empty():
        return []
    version = int(before["model_version"][0])
    made = {item.version: item.tags for item in registry.versions(flag_id)}
    if made.get(version, {}).get("signals_version") != signals_version(settings.vision):
        return []  # what it saw is no longer stored
    model, p = score_model(registry, flag_id, version, images, store, settings)
    return images.filter(pl.Series(p) >= model.limits["reject"])["image_id"].to_list()
