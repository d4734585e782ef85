"""What the ranker of review photos learns from: good images, and the same distorted on purpose.

Examples are made and measured where they are missing, and kept: a run that was killed goes on where
it stopped, and nothing is measured twice by the same algorithms and backbones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.ranking.examples import (
    SOURCE_SCHEMA,
    choose_sources,
    held_out_groups,
    plan_examples,
)
from imgassets.operations.models import TrainingError
from imgassets.operations.photo_ranker import photo_limits
from imgassets.operations.product_groups import GROUPS
from imgassets.operations.rendered_examples import Renderer
from imgassets.reviews.prompt import AT_LIMIT
from imgassets.reviews.weakness import COLUMNS, weaknesses
from imgassets.settings import Settings
from imgassets.vision.photo_version import photo_signals_version
from imgassets.warehouse.contracts import RankingExamples
from imgassets.warehouse.lake import Addition, CommitMessage, Warehouse
from imgassets.warehouse.partitions import quote

_COMMIT_EVERY = 256
"""Examples that a kill can lose."""

_PLANNED = ("origin", "group_id", "category")
"""Columns that the present plan decides, not the one that an example was made by."""

Progress = Callable[[int, int], None]


class Examples(NamedTuple):
    """What a ranker can learn from and be judged by.

    Attributes:
        rows: of contract ``RankingExamples``, sorted by example_id.
        held: groups that no ranker learns from.
    """

    rows: pl.DataFrame
    held: frozenset[str]


def ranking_sources(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Return the images that examples can be made of.

    Studio images are those that stand in a product's chosen set. A review photo is good if no rule
    of the customer's prompt faults it.

    Returns:
        Frame of :data:`imgassets.learning.ranking.examples.SOURCE_SCHEMA`, a row per image. A
        product's group is what labels call its style, else what review files do, else itself.
    """
    studio = warehouse.sql(
        f"""
        WITH {GROUPS}
        SELECT o.image_id, min(o.category) AS category, max(a.width) AS width,
            max(a.height) AS height,
            min(coalesce(l.group_id, s.style, o.product_id)) AS group_id
        FROM ordered_image_sets AS o
        JOIN aggregated_images AS a USING (day, category, product_id, image_id)
        LEFT JOIN labelled AS l USING (product_id)
        LEFT JOIN styled AS s USING (product_id)
        WHERE o.policy_rank IS NOT NULL
        GROUP BY o.image_id
        """
    )
    measures = ", ".join(f"p.{name}" for name in COLUMNS)
    version = quote(photo_signals_version(settings))
    review = warehouse.sql(
        f"""
        WITH {GROUPS}
        SELECT DISTINCT ON (p.image_id)
            p.image_id, r.category, coalesce(l.group_id, r.style) AS group_id, p.width, p.height,
            {measures}
        FROM review_signals AS p
        JOIN fetched_review_images AS f USING (day, category, image_id)
        JOIN review_images AS r USING (day, category, review_id)
        LEFT JOIN labelled AS l ON l.product_id = r.product_id
        WHERE p.signals_version = {version}
        ORDER BY p.image_id, group_id, r.category
        """
    )
    good = weaknesses(review, photo_limits(settings))["rule_score"] >= AT_LIMIT
    parts = [
        studio.with_columns(origin=pl.lit("studio"), good=pl.lit(True)),
        review.with_columns(origin=pl.lit("review"), good=good).join(
            studio, on="image_id", how="anti"
        ),
    ]
    return pl.concat([_as_sources(part) for part in parts]).sort("origin", "image_id")


def ranking_examples(
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    progress: Progress | None = None,
) -> Examples:
    """Return all examples, of the present algorithms and backbones; missing ones are made now.

    Args:
        warehouse: holds the images' rows, and examples made before.
        store: holds the pictures.
        settings: backbones, processes, seed, number of sources, share held out.
        progress: called with (done, total) examples that are made now.

    Raises:
        TrainingError: there are no images to learn from, or of one group only.
    """
    warehouse.initialise()
    sources = choose_sources(
        ranking_sources(warehouse, settings), settings.ranking.max_sources, settings.seed
    )
    try:
        held = held_out_groups(sources["group_id"], settings.ranking.holdout, settings.seed)
    except ValueError:
        raise TrainingError(
            "no ranker can be trained: images of at least two products (or styles) are needed; run "
            "`imgassets backfill`, and `imgassets reviews ingest` for review photos"
        ) from None
    version = photo_signals_version(settings)
    jobs = plan_examples(sources, held, settings.seed, version)
    of_version = f"features_version = {quote(version)}"
    present = warehouse.read(RankingExamples, columns=["example_id"], where=of_version)
    missing = jobs.join(present, on="example_id", how="anti")
    if not missing.is_empty():  # decoding processes take a while to start
        _make(missing, sources, warehouse, store, settings, progress)
    rows = warehouse.read(RankingExamples, where=of_version)
    planned = rows.drop(_PLANNED).join(jobs.select("example_id", *_PLANNED), on="example_id")
    return Examples(planned.select(rows.columns).sort("example_id"), frozenset(held))


def _as_sources(images: pl.DataFrame) -> pl.DataFrame:
    return images.select(pl.col(name).cast(dtype) for name, dtype in SOURCE_SCHEMA.items())


def _make(
    missing: pl.DataFrame,
    sources: pl.DataFrame,
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    progress: Progress | None,
) -> None:
    """Render jobs, measure the photos and keep the measures, some hundred at a time."""
    from imgassets.learning.ranking.rendering import fulfil, order
    from imgassets.vision.photo_signals import photo_outcomes

    def message(job: dict[str, Any]) -> bytes:
        data = store.get(job["source_image_id"])
        return order(data, job["family"], job["severity"], job["seed"])

    by_id = {row["example_id"]: row for row in missing.to_dicts()}
    waiting: list[pl.DataFrame] = []
    done = 0
    with Renderer(store, by_id, message, fulfil, settings.vision) as renderer:
        for outcomes in photo_outcomes(list(by_id), renderer, settings):
            done += outcomes.height
            waiting.append(outcomes)
            if sum(map(len, waiting)) >= _COMMIT_EVERY or done == missing.height:
                _keep(pl.concat(waiting), missing, sources, warehouse)
                waiting.clear()
            if progress is not None:
                progress(done, missing.height)


def _keep(
    outcomes: pl.DataFrame, jobs: pl.DataFrame, sources: pl.DataFrame, warehouse: Warehouse
) -> None:
    """Commit finished examples; one that could not be made is left out of the training."""
    rows = example_rows(outcomes, jobs, sources)
    message = CommitMessage(asset="ranking_examples")
    warehouse.replace([Addition(RankingExamples, RankingExamples.conform(rows))], message)


def example_rows(outcomes: pl.DataFrame, jobs: pl.DataFrame, sources: pl.DataFrame) -> pl.DataFrame:
    """Return rows of examples from what was measured on their pictures.

    Pictures are rendered at working size. ``width`` and ``height`` become those that a file of the
    source's size would have after the distortion: that is what they are of a customer's photo.

    Args:
        outcomes: of :data:`imgassets.vision.photo_schema.PHOTO_OUTCOME_SCHEMA`.
        jobs: their plan, :data:`imgassets.learning.ranking.examples.JOB_SCHEMA`.
        sources: the images, with the files' sizes.
    """
    from imgassets.vision.decode import halvings

    longer = sources.select(longer=pl.max_horizontal("width", "height"))["longer"]
    files = sources.select(
        "image_id",
        file_width="width",
        file_height="height",
        factor=pl.Series([halvings(side) for side in longer], dtype=pl.Int32),
    )
    sides = {
        side: pl.min_horizontal(pl.col(side) * pl.col("factor"), f"file_{side}").cast(pl.Int32)
        for side in ("width", "height")
    }
    return (
        outcomes.filter(pl.col("refusal").is_null())
        .drop("refusal")
        .rename({"image_id": "example_id", "signals_version": "features_version"})
        .join(jobs, on="example_id")
        .join(files, left_on="source_image_id", right_on="image_id")
        .with_columns(**sides)
        .with_columns(longer_side=pl.max_horizontal("width", "height"))
        .drop("factor", "file_width", "file_height")
    )
