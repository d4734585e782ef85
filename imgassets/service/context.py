"""What a reviewer sees around a question: its product, and what is known of its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from imgassets.moderation.flags import IMAGE_TYPE, Flag
from imgassets.operations.reviews import known_types, known_values
from imgassets.service.messages import Given, Neighbour, Product, Task
from imgassets.warehouse.lake import Warehouse

_OTHER_IMAGES = 12
"""Further images of a product that are shown."""

_IMAGES = """
SELECT category, product_id, image_id, suppliers, width, height
FROM aggregated_images SEMI JOIN wanted USING (category, product_id)
QUALIFY day = max(day) OVER (PARTITION BY category, product_id)
ORDER BY category, product_id, best_position, image_id
"""

_TITLES = """
SELECT category, product_id, first(title ORDER BY day DESC, supplier_id, title) AS title
FROM supplier_offers SEMI JOIN wanted USING (category, product_id)
WHERE title IS NOT NULL
GROUP BY ALL
"""

# An image without a row in compliance_flags was found clean, if the flag was looked for at all.
_MODEL = """
WITH judged AS (
    SELECT s.day, image_id, flag, probability,
        CASE decision WHEN 'rejected' THEN 'yes' WHEN 'review' THEN 'unknown' ELSE 'no' END AS said
    FROM (SELECT day, category, product_id, image_id, flag
          FROM aggregated_images JOIN wanted USING (image_id)) AS s
    JOIN flag_assessments AS a USING (day, category, flag)
    LEFT JOIN (FROM compliance_flags WHERE source = 'model')
        USING (day, category, product_id, image_id, flag)
    WHERE a.status = 'assessed'
    UNION ALL
    SELECT day, image_id, flag, NULL, if(list_contains(failed_rules, flag), 'yes', 'no')
    FROM quality_scores JOIN wanted USING (image_id)
    WHERE quality
)
SELECT image_id, flag, said, probability FROM judged
QUALIFY row_number() OVER (
    PARTITION BY image_id, flag ORDER BY day DESC, probability DESC NULLS LAST, said DESC
) = 1
"""


def describe(warehouse: Warehouse, flags: Mapping[str, Flag], tasks: pl.DataFrame) -> list[Task]:
    """Return tasks with what is shown around them, in their order.

    Args:
        warehouse: where products, answers and models' decisions are.
        flags: the registry.
        tasks: rows of contract ``ReviewTasks``.
    """
    if tasks.is_empty():
        return []
    wanted = tasks.select("category", "product_id").unique()
    images = warehouse.sql(_IMAGES, wanted=wanted).partition_by(
        "category", "product_id", as_dict=True
    )
    titles = {
        (category, product): title
        for category, product, title in warehouse.sql(_TITLES, wanted=wanted).iter_rows()
    }
    neighbours = _neighbours(warehouse, flags, tasks)
    described = []
    for task in tasks.iter_rows(named=True):
        key = (task["category"], task["product_id"])
        of_product = images.get(key, _NO_IMAGES)
        found = {row["image_id"]: row for row in of_product.iter_rows(named=True)}
        own = found.get(task["image_id"], _NOT_FOUND)
        other = found.get(task["other_image_id"], _NOT_FOUND)
        asked = {task["image_id"], task["other_image_id"]}
        described.append(
            Task(
                **{name: task[name] for name in _COPIED},
                flag_title=flag_title(flags, task["flag"]),
                width=own["width"],
                height=own["height"],
                other_width=other["width"],
                other_height=other["height"],
                product=Product(
                    product_id=task["product_id"],
                    category=task["category"],
                    title=titles.get(key),
                    suppliers=sorted({*own["suppliers"], *other["suppliers"]}),
                    other_images=[image for image in found if image not in asked][:_OTHER_IMAGES],
                ),
                neighbours=[
                    neighbours.get((image, task["flag"])) or _unknown(image)
                    for image in task["neighbours"]
                ],
            )
        )
    return described


_NO_IMAGES = pl.DataFrame(schema={"image_id": pl.String})
_NOT_FOUND: Mapping[str, Any] = {"width": None, "height": None, "suppliers": []}

_COPIED = (
    "task_id", "image_id", "flag", "question", "choices", "reason", "why", "probability", "guess",
    "model_version", "round", "other_image_id", "image_box", "other_box",
)  # fmt: skip


def flag_title(flags: Mapping[str, Flag], flag: str) -> str:
    """Return what a person reads for a flag; its id where the registry no longer has it."""
    return flags[flag].title if flag in flags else flag.replace("_", " ")


def latest_answers(
    warehouse: Warehouse, flags: Mapping[str, Flag], standing: pl.DataFrame, count: int
) -> list[Given]:
    """Return the latest of standing answers with their questions, latest first.

    Args:
        warehouse: where the tasks are.
        flags: the registry.
        standing: rows of :func:`imgassets.moderation.answers.standing_answers`.
        count: how many at most.
    """
    latest = standing.sort("answered_at", "answer_id", descending=True).head(count)
    questions = dict(
        warehouse.sql(
            "SELECT task_id, question FROM review_tasks SEMI JOIN wanted USING (task_id)",
            wanted=latest.select("task_id"),
        ).iter_rows()
    )
    return [
        Given(
            **{name: row[name] for name in Given.model_fields if name in row},
            flag_title=flag_title(flags, row["flag"]),
            question=questions.get(row["task_id"], ""),
        )
        for row in latest.drop("reviewer").iter_rows(named=True)
    ]


def _neighbours(
    warehouse: Warehouse, flags: Mapping[str, Flag], tasks: pl.DataFrame
) -> dict[tuple[str, str], Neighbour]:
    """Return what is known of each (image_id, flag): what people said, else what a model did."""
    wanted = (
        tasks.select(image_id=pl.col("neighbours"), flag=pl.col("flag"))
        .explode("image_id")
        .drop_nulls()
        .unique()
        .with_columns(
            quality=pl.col("flag").is_in([f.id for f in flags.values() if f.group == "quality"])
        )
    )
    if wanted.is_empty():
        return {}
    known = {
        (image, flag): Neighbour(image_id=image, verdict=said, by="model", probability=probability)
        for image, flag, said, probability in warehouse.sql(_MODEL, wanted=wanted).iter_rows()
    }
    for image, flag, said in _told(warehouse, wanted).iter_rows():
        by_model = known.get((image, flag))
        known[image, flag] = Neighbour(
            image_id=image,
            verdict=said,
            by="people",
            probability=by_model.probability if by_model else None,
        )
    return known


def _told(warehouse: Warehouse, wanted: pl.DataFrame) -> pl.DataFrame:
    """Return image_id, flag and what people said: yes or no, or the type."""
    values = known_values(warehouse).select(
        "image_id", "flag", said=pl.when("value").then(pl.lit("yes")).otherwise(pl.lit("no"))
    )
    if (wanted["flag"] == IMAGE_TYPE).any():
        types = known_types(warehouse).unique("image_id", keep="first", maintain_order=True)
        values = values.vstack(
            types.select("image_id", flag=pl.lit(IMAGE_TYPE), said=pl.col("image_type"))
        )
    return values.join(wanted, on=["image_id", "flag"], how="semi")


def _unknown(image_id: str) -> Neighbour:
    return Neighbour(image_id=image_id, verdict="unknown", by="", probability=None)
