from __future__ import annotations

from datetime import date

import polars as pl

from imgassets.moderation.compliance import SCORED, Compliance, assess, quarantine_rows
from imgassets.moderation.flags import builtin_flags
from imgassets.selection.quality import TOLD
from imgassets.warehouse.contracts import AggregatedImages, Quarantine
from tests.moderation.people import image

DAY, NEXT = date(2026, 1, 5), date(2026, 1, 6)
FLAGS = {name: builtin_flags()[name] for name in ("weapon", "adult", "promo_badge")}
CELLS = [(DAY, "bags"), (NEXT, "bags")]
REJECT, REVIEW = 0.875, 0.25


def images(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame(
        [(DAY, "bags", f"P{n}", image(n)) for n in numbers],
        schema={
            "day": pl.Date, "category": pl.String, "product_id": pl.String, "image_id": pl.String,
        },
        orient="row",
    )  # fmt: skip


def scored(flag: str = "weapon", **p: float) -> pl.DataFrame:
    """Return what version 7 says of images, e.g. ``_1=0.5``."""
    rows = [(image(int(n[1:])), flag, v, 0.6, REJECT, REVIEW, "7") for n, v in p.items()]
    return pl.DataFrame(rows, schema=SCORED, orient="row")


def told(*rows: tuple[int, str, bool]) -> pl.DataFrame:
    return pl.DataFrame([(image(n), f, v) for n, f, v in rows], schema=TOLD, orient="row")


def by_product(found: Compliance) -> dict[str, dict]:
    return {row["product_id"]: row for row in found.flags.to_dicts()}


def test_a_model_rejects_asks_or_passes_by_its_limits() -> None:
    said = scored(_1=0.95, _2=REJECT, _3=0.5, _4=REVIEW, _5=0.249)
    found = by_product(assess(images(1, 2, 3, 4, 5), said, told(), FLAGS, CELLS))
    assert {p: row["decision"] for p, row in found.items()} == {
        "P1": "rejected", "P2": "rejected", "P3": "review", "P4": "review",
    }  # fmt: skip
    assert found["P1"]["reason"] == (
        "weapon: probability 0.95, rejected from 0.88 (model version 7)"
    )
    assert found["P3"]["reason"] == (
        "weapon: probability 0.5, people are asked from 0.25 (model version 7)"
    )
    assert {row["source"] for row in found.values()} == {"model"}


def test_people_overrule_the_model_both_ways() -> None:
    said = scored(_1=0.4, _2=0.99, _3=0.1)
    people = told((1, "weapon", True), (2, "weapon", False), (3, "weapon", True))
    found = by_product(assess(images(1, 2, 3), said, people, FLAGS, CELLS))
    assert {*found} == {"P1", "P3"}
    for product, p in (("P1", 0.4), ("P3", 0.1)):
        row = found[product]
        assert (row["source"], row["decision"]) == ("human", "rejected")
        assert row["reason"] == "weapon: people say so"
        assert abs(row["probability"] - p) < 1e-6, "what the model said is kept beside it"
        assert row["model_version"] == "7"


def test_people_alone_reject_where_there_is_no_model() -> None:
    people = told((1, "adult", True), (2, "adult", False), (1, "blurry", True))
    found = assess(images(1, 2), scored(), people, FLAGS, CELLS)
    (row,) = found.flags.to_dicts()
    assert (row["flag"], row["source"], row["probability"]) == ("adult", "human", None)
    assert (row["reason"], row["model_version"]) == ("adult content: people say so", "")
    assert set(found.assessments["status"]) == {"not_assessed"}


def test_an_image_of_two_products_is_flagged_for_both() -> None:
    twice = pl.concat([images(1), images(1).with_columns(product_id=pl.lit("P9"))])
    found = assess(twice, scored(_1=0.95), told(), FLAGS, CELLS)
    assert found.flags["product_id"].to_list() == ["P1", "P9"]


def test_what_no_model_looked_for_is_not_assessed_anywhere() -> None:
    found = assess(images(1, 2), scored(_1=0.1, _2=0.2), told(), FLAGS, CELLS).assessments
    assert found.height == len(FLAGS) * len(CELLS)
    rows = {(row["day"], row["flag"]): row for row in found.to_dicts()}
    looked = rows[DAY, "weapon"]
    assert (looked["status"], looked["model_version"], looked["n_images"]) == ("assessed", "7", 2)
    assert abs(looked["reject_limit"] - REJECT) < 1e-6
    del rows[DAY, "weapon"]
    assert {row["status"] for row in rows.values()} == {"not_assessed"}
    assert {(row["model_version"], row["reject_limit"], row["n_images"])
            for row in rows.values()} == {("", None, 0)}  # fmt: skip


def test_a_partition_is_assessed_alike_alone_and_beside_others() -> None:
    said, people = scored(_1=0.95), told()
    together = assess(images(1), said, people, FLAGS, CELLS).assessments
    empty = assess(images(), scored(), people, FLAGS, CELLS[1:]).assessments
    assert together.filter(pl.col("day") == NEXT).equals(empty)
    assert set(empty["status"]) == {"not_assessed"}, "there was nothing to look at"


def test_no_images_no_flags_and_no_cells() -> None:
    nothing = assess(images(), scored(), told(), FLAGS, [])
    assert nothing.flags.is_empty()
    assert nothing.assessments.is_empty()
    assert assess(images(1), scored(), told(), {}, CELLS).assessments.is_empty()


def test_a_rejected_image_is_quarantined_with_rule_measure_and_limit() -> None:
    people = told((2, "adult", True))
    found = assess(images(1, 2, 3), scored(_1=0.95, _3=0.5), people, FLAGS, CELLS)
    aggregated = AggregatedImages.conform(
        images(1, 2, 3).with_columns(
            suppliers=pl.lit(["acme", "birch"]), image_urls=pl.lit(["a.jpg", "b.jpg"]),
            best_position=1, is_curated=False, format=pl.lit("JPEG"), width=800, height=800,
            byte_size=1, mode=pl.lit("rgb"), bit_depth=8, frames=1, first_seen=DAY,
        )
    )  # fmt: skip
    rows = Quarantine.conform(quarantine_rows(found, aggregated)).to_dicts()
    said = [
        (r["product_id"], r["stage"], r["rule_id"], r["measured"], r["limit"], r["detail"])
        for r in rows
    ]
    assert said == [
        ("P1", "compliance", "weapon", "probability 0.95", "probability under 0.875",
         "weapon: probability 0.95, rejected from 0.88 (model version 7)"),
        ("P2", "compliance", "adult", "people say yes", "people say no",
         "adult content: people say so"),
    ]  # fmt: skip
    assert [(r["image_id"], r["image_url"]) for r in rows] == [
        (image(1), "a.jpg"), (image(2), "a.jpg"),
    ]  # fmt: skip
