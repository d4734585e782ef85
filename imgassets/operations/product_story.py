"""The whole story of a product's images: who sent each, what was measured, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from imgassets.operations.set_history import LeftOutImage, ProductSet, ShownImage
from imgassets.warehouse.history import AsOf
from imgassets.warehouse.lake import Warehouse

Row = dict[str, Any]

# What a supplier sends anew counts with its latest position, and as seen since its first day.
_REFERENCES = """
SELECT o.supplier_id, o.image_url, min(o.day) AS first_seen, max(o.day) AS last_seen,
    arg_max(o.position, o.day) AS position, arg_max(o.is_curated, o.day) AS is_curated,
    arg_max(f.image_id, f.day) AS image_id
FROM supplier_offers AS o
LEFT JOIN fetched_images AS f USING (day, category, product_id, supplier_id, image_url)
GROUP BY ALL
ORDER BY first_seen, supplier_id, position, image_url
"""

# Each table's row as one struct.
_IMAGES = """
SELECT a.image_id, a AS facts, s AS signals, q AS quality, t AS image_type, c AS cluster
FROM aggregated_images AS a
LEFT JOIN (
    SELECT day, image_id, signals_version, sharpness, object_extent, foreground_fraction,
        background_whiteness, background_pure_white, detail, colourfulness, phash, edge_dhash
    FROM image_signals WHERE image_id IN (SELECT image_id FROM aggregated_images)
) AS s ON s.image_id = a.image_id
LEFT JOIN quality_scores AS q ON q.image_id = a.image_id
LEFT JOIN image_types AS t ON t.image_id = a.image_id
LEFT JOIN dedup_clusters AS c ON c.image_id = a.image_id
"""

_MARKETPLACES = """
FROM marketplace_compliance WHERE status = 'fail' ORDER BY authority, severity DESC, rule_id
"""

_QUESTIONS = """
SELECT task_id, flag, question, image_id, other_image_id
FROM review_tasks ORDER BY priority DESC, task_id
"""

_ANSWERED = "SELECT DISTINCT task_id FROM current_answers SEMI JOIN wanted USING (task_id)"


@dataclass
class ImageStory:
    """One image of a product, and every step of its way.

    Attributes:
        image_id: the image.
        shown: its place in the set; None if it is left out.
        left_out: why it is not shown; None if it is.
        was: its place among the first supplier's images, from 1; None: it was not among them.
        facts: its row of ``aggregated_images``.
        references: who sent it: supplier_id, image_url, position, first_seen, is_curated.
        signals: its measures; None: it could not be decoded.
        refusals: rows of ``quarantine`` about its bytes.
        quality: its row of ``quality_scores``; None: it was not judged.
        flags: its rows of ``compliance_flags``.
        assessments: rows of ``flag_assessments``: what was looked for, by which model.
        image_type: its row of ``image_types``.
        cluster: its row of ``dedup_clusters``.
        pairs: rows of ``compared_pairs`` from its side: other_image_id, box, other_box, same,
            probability, decided_by, comparator_version; most alike first.
        marketplaces: rows of ``marketplace_compliance`` that it fails.
        questions: open questions to people about it: task_id, flag, question.
    """

    image_id: str
    shown: ShownImage | None
    left_out: LeftOutImage | None
    was: int | None
    facts: Row
    references: list[Row] = field(default_factory=list)
    signals: Row | None = None
    refusals: list[Row] = field(default_factory=list)
    quality: Row | None = None
    flags: list[Row] = field(default_factory=list)
    assessments: list[Row] = field(default_factory=list)
    image_type: Row | None = None
    cluster: Row | None = None
    pairs: list[Row] = field(default_factory=list)
    marketplaces: list[Row] = field(default_factory=list)
    questions: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class ProductStory:
    """What happened to every image of a product.

    Attributes:
        images: the chosen ones in order, then the others by rule.
        refused: references of which no usable file arrived: supplier_id, image_url, position, and
            rule_id, measured, limit, detail and day of the refusal; null: nobody tried to fetch it.
        days: days of feeds that changed the product, latest first.
    """

    images: list[ImageStory]
    refused: list[Row]
    days: list[date]


def product_story(warehouse: Warehouse, shown: ProductSet) -> ProductStory:
    """Tell the story of a product's images as of the set's snapshot and day.

    Args:
        warehouse: the warehouse.
        shown: what :func:`imgassets.operations.set_history.image_set` returned.
    """
    ever = AsOf(
        warehouse, shown.snapshot_id, category=shown.category, product_ids=[shown.product_id]
    )
    so_far, of_day = ever.until(shown.day), ever.until(shown.day, only=True)
    days = ever.sql("SELECT DISTINCT day FROM image_set_changes ORDER BY day DESC")["day"]
    references = _rows(so_far, _REFERENCES)
    quarantine = _rows(so_far, "FROM quarantine ORDER BY day, stage, rule_id, image_url")
    stories = _stories(shown, of_day)
    if stories:
        _add_decisions(stories, of_day)
        _add_questions(stories, warehouse, shown)
    for row in references:
        if row["image_id"] in stories:
            stories[row["image_id"]].references.append(row)
    for row in quarantine:
        if row["day"] == shown.day and row["image_id"] in stories:
            stories[row["image_id"]].refusals.append(row)
    return ProductStory(list(stories.values()), _refused(references, quarantine), days.to_list())


def _rows(source: AsOf, query: str) -> list[Row]:
    return list(source.sql(query).iter_rows(named=True))


def _stories(shown: ProductSet, of_day: AsOf) -> dict[str, ImageStory]:
    """Return what is known of each image alone: the chosen ones in order, then the others."""
    chosen = {image.image_id: image for image in shown.images}
    left_out = {image.image_id: image for image in shown.left_out}
    was = {image: place for place, image in enumerate(shown.before, 1)}
    rows = {row["image_id"]: row for row in _rows(of_day, _IMAGES)}
    return {
        image: ImageStory(
            image_id=image,
            shown=chosen.get(image),
            left_out=left_out.get(image),
            was=was.get(image),
            facts=rows[image]["facts"],
            signals=_found(rows[image]["signals"]),
            quality=_found(rows[image]["quality"]),
            image_type=_found(rows[image]["image_type"]),
            cluster=_found(rows[image]["cluster"]),
        )
        for image in (*chosen, *left_out)
        if image in rows
    }


def _found(row: Row) -> Row | None:
    """Return a row that a join found, or None: it is one of nulls then."""
    return row if row["image_id"] else None


def _add_decisions(stories: dict[str, ImageStory], of_day: AsOf) -> None:
    assessments = _rows(of_day, "FROM flag_assessments ORDER BY flag")
    for story in stories.values():
        story.assessments = assessments
    for row in _rows(of_day, "FROM compliance_flags ORDER BY decision, flag"):
        if row["image_id"] in stories:
            stories[row["image_id"]].flags.append(row)
    for row in _rows(of_day, _MARKETPLACES):
        if row["image_id"] in stories:
            stories[row["image_id"]].marketplaces.append(row)
    for row in _rows(of_day, "FROM compared_pairs ORDER BY probability DESC"):
        for side, other in (("left", "right"), ("right", "left")):
            if row[f"{side}_image_id"] in stories:
                stories[row[f"{side}_image_id"]].pairs.append(
                    {
                        **row,
                        "other_image_id": row[f"{other}_image_id"],
                        "box": row[f"{side}_box"],
                        "other_box": row[f"{other}_box"],
                    }
                )


def _add_questions(stories: dict[str, ImageStory], warehouse: Warehouse, shown: ProductSet) -> None:
    """Add what is asked now, whatever moment the story is of: an answer can only be given now."""
    now = AsOf(warehouse, category=shown.category, product_ids=[shown.product_id])
    asked = now.sql(_QUESTIONS)
    if asked.is_empty():
        return
    answered = now.sql(_ANSWERED, wanted=asked.select("task_id"))
    for row in asked.join(answered, on="task_id", how="anti", maintain_order="left").iter_rows(
        named=True
    ):
        for image in {row["image_id"], row["other_image_id"]} & stories.keys():
            stories[image].questions.append(row)


def _refused(references: list[Row], quarantine: list[Row]) -> list[Row]:
    """Return the references of which no file arrived, each with its latest refusal."""
    reasons = {
        (row["supplier_id"], row["image_url"]): row
        for row in quarantine
        if row["stage"] in ("feed", "fetch")
    }
    arrived = {(row["supplier_id"], row["image_url"]) for row in references if row["image_id"]}
    sent = {(row["supplier_id"], row["image_url"]): row for row in references}
    named = ("rule_id", "measured", "limit", "detail", "day")
    return [
        {
            "supplier_id": key[0],
            "image_url": key[1],
            "position": sent[key]["position"] if key in sent else None,
            **{name: reasons[key][name] if key in reasons else None for name in named},
        }
        for key in sorted(sent.keys() | reasons.keys(), key=str)
        if key not in arrived
    ]
