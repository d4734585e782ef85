"""What a flag's model learns from: judged images, presumably good ones, synthetic examples.

Synthetic examples are made and measured where they are missing, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.augmentation import (
    JOB_SCHEMA,
    all_kinds,
    deal_kinds,
    pick_sources,
    plan_examples,
)
from imgassets.learning.features import SCALARS
from imgassets.learning.synthetic import DEFECTS
from imgassets.learning.synthetic.orders import fulfil, order
from imgassets.moderation.flags import Flag
from imgassets.operations.rendered_examples import Renderer
from imgassets.operations.reviews import contradictions, known_values
from imgassets.selection.quality import rules
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import DefectExamples
from imgassets.warehouse.lake import Addition, CommitMessage, Warehouse
from imgassets.warehouse.partitions import quote

PRESUMED = 1200
"""Unjudged images that pass for good ones, at most: enough to see one wrong discard in 1,000."""

_COMMIT_EVERY = 256
"""Synthetic examples that a kill can lose."""

Progress = Callable[[int, int], None]


def catalog_images(warehouse: Warehouse, version: str) -> pl.DataFrame:
    """Return every image of the catalog that has signals, once.

    Args:
        warehouse: where they are.
        version: the signals version.

    Returns:
        image_id, category, product_id, group_id (that of any label of the product, else the
        product), image_urls, width, height, products_sharing, the signals and `embedding`, sorted
        by image_id.
    """
    scalars = ", ".join(f"s.{name}" for name in SCALARS)
    return warehouse.sql(
        f"""
        WITH named AS (
            SELECT product_id, min(group_id) AS group_id
            FROM (SELECT product_id, group_id FROM image_labels
                  UNION SELECT product_id, group_id FROM flag_labels)
            WHERE group_id <> product_id GROUP BY product_id
        ), sharing AS (
            SELECT day, category, image_id, count(DISTINCT product_id) AS products_sharing
            FROM aggregated_images GROUP BY ALL
        )
        SELECT DISTINCT ON (a.image_id)
            a.image_id, a.category, a.product_id, coalesce(n.group_id, a.product_id) AS group_id,
            a.image_urls, a.width, a.height, h.products_sharing, {scalars}, s.embedding
        FROM aggregated_images AS a
        JOIN sharing AS h USING (day, category, image_id)
        JOIN image_signals AS s USING (day, category, image_id)
        LEFT JOIN named AS n USING (product_id)
        WHERE s.signals_version = {quote(version)}
        ORDER BY a.image_id, a.product_id, a.day DESC
        """
    )


def flag_examples(
    flag: Flag,
    images: pl.DataFrame,
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    weights: Sequence[Mapping[str, float]] = (),
    progress: Progress | None = None,
    finds: Collection[str] = (),
) -> pl.DataFrame:
    """Return all examples of a flag, up to a stage of augmentation.

    Args:
        flag: the flag.
        images: from :func:`catalog_images`.
        warehouse: holds what people said, and synthetic examples made before.
        store: holds the pictures to make new ones from.
        settings: backbone, seed and limits.
        weights: how often each defect is drawn at each further stage (see
            :func:`imgassets.learning.augmentation.harder_weights`); none: the first stage alone.
        progress: called with (done, total) synthetic examples that are made now.
        finds: image_ids that an earlier model was sure of and nobody judged: taken as positives.

    Returns:
        Frame (example_id, image_id, product_id, category, group_id, value, origin, kind, severity,
        split, rule_answer, the signals, embedding). ``origin`` is 'label', 'answer', 'confident',
        'presumed' or 'synthetic'; ``kind`` the defect's name; ``rule_answer`` what the quality rule
        of that name says, null where there is none.
    """
    known = known_values(warehouse)
    judged = images.join(
        known.filter(pl.col("flag") == flag.id).select(
            "image_id", "value", "origin", "split", told_group="group_id"
        ),
        on="image_id",
    ).with_columns(group_id="told_group")
    # Where people contradict each other, the image teaches nothing: neither a find nor a good one.
    disputed = contradictions(warehouse).filter(pl.col("flag") == flag.id).select("image_id")
    found = (
        images.filter(pl.col("image_id").is_in(list(finds)))
        .join(disputed, on="image_id", how="anti")
        .join(judged.select("image_id"), on="image_id", how="anti")
        .with_columns(value=True, origin=pl.lit("confident"), split=pl.lit("train"))
    )
    spoilt = pl.concat([known.filter("value").select("image_id"), found.select("image_id")])
    good = images.filter(~_breaks_rules(settings)).join(spoilt, on="image_id", how="anti")
    unjudged = good.join(
        pl.concat([judged.select("image_id"), disputed]), on="image_id", how="anti"
    )
    presumed = pick_sources(unjudged.select("image_id", "category"), PRESUMED, settings.seed)
    reals = pl.concat(
        [
            judged.drop("told_group"),
            found,
            unjudged.join(presumed.select("image_id"), on="image_id", how="semi").with_columns(
                value=False, origin=pl.lit("presumed"), split=pl.lit("train")
            ),
        ],
        how="diagonal_relaxed",
    ).with_columns(kind=pl.lit(""), severity=pl.lit(None, pl.Float64), example_id="image_id")
    parts = [reals]
    if flag.defects:
        held = known.filter(pl.col("split") == "holdout").select("image_id").unique()
        sources = good.join(held, on="image_id", how="anti")
        jobs = _jobs(flag, sources, settings, weights)
        parts.append(_synthetic(flag, jobs, images, warehouse, store, settings, progress))
    columns = [
        "example_id", "image_id", "product_id", "category", "group_id", "value", "origin", "kind",
        "severity", "split", "rule_answer", *SCALARS, "embedding",
    ]  # fmt: skip
    examples = pl.concat(
        [part.with_columns(rule_answer=_rule_answer(flag, settings)) for part in parts],
        how="diagonal_relaxed",
    )
    return examples.select(columns).sort("example_id")


def render_example(store: ImageStore, jobs: pl.DataFrame, settings: Settings) -> Renderer:
    """Return a renderer of the given jobs; use it as a context manager."""

    def message(job: dict[str, Any]) -> bytes:
        others = [store.get(other) for other in job["others"] or ()]
        data = store.get(job["image_id"])
        return order(data, job["defect"], job["severity"], job["seed"], others)

    by_id = {row["example_id"]: row for row in jobs.to_dicts()}
    return Renderer(store, by_id, message, fulfil, settings.vision)


def synthetic_jobs(examples: pl.DataFrame, warehouse: Warehouse) -> pl.DataFrame:
    """Return the jobs that made the synthetic ones among ``examples``."""
    return warehouse.read(DefectExamples, columns=list(JOB_SCHEMA)).join(
        examples.select("example_id"), on="example_id", how="semi"
    )


def _jobs(
    flag: Flag, good: pl.DataFrame, settings: Settings, weights: Sequence[Mapping[str, float]]
) -> pl.DataFrame:
    """Plan the synthetic examples: the flag's own kinds, harmless ones, and other defects."""
    enough = pl.max_horizontal("width", "height") >= settings.quality.min_longest_side
    sources = pick_sources(
        good.filter(enough).select("image_id", "category"),
        settings.learning.max_sources,
        settings.seed,
    )["image_id"].to_list()
    others = [kind for kind in all_kinds() if kind and flag.deserved_by(kind) is False]
    own = dict.fromkeys(flag.defects, 1)
    siblings = _siblings(good, sources)
    first = plan_examples(sources, {**own, "": 1}, settings.seed, siblings=siblings)
    # Each source is spoilt in one of the other ways, too.
    plans = [first]
    for kind, chosen in deal_kinds(sources, others, settings.seed).items():
        plans.append(plan_examples(chosen, {kind: 1}, settings.seed, siblings=siblings))
    plans += [
        plan_examples(sources, {**own, "": 1}, settings.seed, of_stage, number, siblings)
        for number, of_stage in enumerate(weights, start=1)
    ]
    return pl.concat(plans).unique("example_id", keep="first").sort("example_id")


def _siblings(good: pl.DataFrame, sources: Sequence[str]) -> dict[str, list[str]]:
    """Return the other good images of each source's product."""
    images = good.select("image_id", "product_id")
    pairs = images.join(images, on="product_id", suffix="_other").filter(
        (pl.col("image_id") != pl.col("image_id_other")) & pl.col("image_id").is_in(list(sources))
    )
    return dict(pairs.group_by("image_id").agg("image_id_other").iter_rows())


def _synthetic(
    flag: Flag,
    jobs: pl.DataFrame,
    images: pl.DataFrame,
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    progress: Progress | None,
) -> pl.DataFrame:
    """Return the jobs' examples with signals; those that are missing are made and kept."""
    version = signals_version(settings.vision)
    at_version = f"signals_version = {quote(version)}"
    present = warehouse.read(DefectExamples, columns=["example_id"], where=at_version)
    missing = jobs.join(present, on="example_id", how="anti")
    if not missing.is_empty():  # decoding processes take a while to start
        _make(missing, warehouse, store, settings, progress)
    made = warehouse.read(DefectExamples, where=at_version).join(
        jobs.select("example_id"), on="example_id", how="semi"
    )
    flags = pl.DataFrame(
        [(d.name, flag.deserved_by(d.flag)) for d in DEFECTS.values()],
        schema={"defect": pl.String, "value": pl.Boolean},
        orient="row",
    )
    about = images.select("image_id", "product_id", "category", "group_id")
    return (
        made.join(flags, on="defect")
        .drop_nulls("value")
        .join(about, on="image_id")
        .with_columns(origin=pl.lit("synthetic"), split=pl.lit("train"), products_sharing=pl.lit(1))
        .rename({"defect": "kind"})
        .drop("seed", "signals_version", "others")
    )


def _make(
    missing: pl.DataFrame,
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    progress: Progress | None,
) -> None:
    """Render jobs, measure the pictures and keep the signals, some hundred at a time."""
    from imgassets.vision.engine import outcomes_of

    waiting: list[pl.DataFrame] = []
    done = 0
    with render_example(store, missing, settings) as renderer:
        for outcomes in outcomes_of(missing["example_id"].to_list(), renderer, settings.vision):
            done += outcomes.height
            waiting.append(outcomes)
            if sum(map(len, waiting)) >= _COMMIT_EVERY or done == missing.height:
                _keep(pl.concat(waiting), missing, warehouse)
                waiting.clear()
            if progress is not None:
                progress(done, missing.height)


def _keep(outcomes: pl.DataFrame, jobs: pl.DataFrame, warehouse: Warehouse) -> None:
    """Commit finished examples; one that could not be made is left out of the training."""
    rows = (
        outcomes.filter(pl.col("refusal").is_null())
        .rename({"image_id": "example_id"})
        .join(jobs, on="example_id")
    )
    warehouse.replace([Addition(DefectExamples, rows)], CommitMessage(asset="defect_examples"))


def _breaks_rules(settings: Settings) -> pl.Expr:
    return pl.any_horizontal([rule.fails() for rule in rules(settings.quality)])


def _rule_answer(flag: Flag, settings: Settings) -> pl.Expr:
    """Return whether the flag's own quality rule gives it; null where there is no such rule."""
    own = [rule.fails() for rule in rules(settings.quality) if rule.id == flag.id]
    return pl.any_horizontal(own) if own else pl.lit(None, pl.Boolean)
