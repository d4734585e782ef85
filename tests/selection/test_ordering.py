from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from imgassets.selection import PRODUCT
from imgassets.selection.clusters import cluster_duplicates
from imgassets.selection.decisions import explain
from imgassets.selection.ordering import order_image_sets
from imgassets.selection.policies import read_policies
from imgassets.selection.quality import score_quality
from imgassets.selection.thresholds import read_thresholds
from imgassets.settings import QualitySettings
from imgassets.warehouse.contracts import (
    ComplianceFlags,
    ImageSetChanges,
    OrderedImageSets,
    TypePriorities,
)

DAY = date(2026, 1, 5)
PRIORITIES = TypePriorities.conform(
    pl.DataFrame(
        [("bags", "front", 1), ("bags", "back", 2), ("bags", "closeup", 3)],
        schema=["category", "image_type", "rank"],
        orient="row",
    )
)


def flagged(aggregated: pl.DataFrame, decisions: dict[str, str]) -> pl.DataFrame:
    """Return rows of compliance_flags of the images with a decision."""
    return ComplianceFlags.conform(
        aggregated.filter(pl.col("image_id").is_in(list(decisions))).select(
            "day", "category", "product_id", "image_id",
            flag=pl.lit("weapon"),
            probability=pl.lit(0.9),
            source=pl.lit("model"),
            decision=pl.col("image_id").replace_strict(decisions, return_dtype=pl.String),
            reason=pl.lit("weapon: probability 0.9"),
            model_version=pl.lit("1"),
        )
    )  # fmt: skip


@pytest.fixture
def select(make_aggregated, make_signals, make_types, to_cluster, key):
    """Run the whole selection; images are dicts with name, type, flag and what else differs."""

    def run(*images: dict, before=(), products=("p1",)):
        extra = ("type", "source", "sharpness", "flag")
        aggregated = make_aggregated(
            *({k: v for k, v in image.items() if k not in extra} for image in images),
        ) if images else make_aggregated({"name": "x"}).clear()  # fmt: skip
        signals = make_signals({"name": "unused"}, *(
            {k: v for k, v in image.items() if k in ("name", "source", "sharpness")}
            for image in images
        ))  # fmt: skip
        quality = score_quality(aggregated, signals, QualitySettings())
        compliance = flagged(
            aggregated, {key(i["name"]): i["flag"] for i in images if "flag" in i}
        )  # fmt: skip
        rejected = compliance.filter(pl.col("decision") == "rejected")
        passed = (
            quality.filter("passed")
            .join(rejected, on=["product_id", "image_id"], how="anti")
            .select("product_id", "image_id")
        )
        types = make_types(
            *((i.get("product_id", "p1"), i["name"], i.get("type", "front")) for i in images)
        ).join(passed, on=["product_id", "image_id"], how="semi")
        typed = types.filter(pl.col("image_type") != "none")
        images = to_cluster(typed, signals, aggregated)
        clusters = cluster_duplicates(images, read_thresholds()).clusters
        offers = pl.DataFrame(
            [(DAY, "bags", "p1", s, key(n), p, d) for s, n, p, d in before],
            schema={
                "day": pl.Date,
                "category": pl.String,
                "product_id": pl.String,
                "supplier_id": pl.String,
                "image_id": pl.String,
                "position": pl.Int32,
                "first_day": pl.Date,
            },
            orient="row",
        )
        wanted = pl.DataFrame(
            [(DAY, "bags", p) for p in products],
            schema={"day": pl.Date, "category": pl.String, "product_id": pl.String},
            orient="row",
        )
        sets = order_image_sets(
            products=wanted,
            aggregated=aggregated,
            signals=signals,
            quality=quality,
            types=types,
            clusters=clusters,
            compliance=compliance,
            priorities=PRIORITIES,
            policies=read_policies(),
            before=offers,
        )
        decisions = explain(aggregated, quality, types, clusters, sets.ordered, compliance)
        return (
            OrderedImageSets.conform(sets.ordered),
            ImageSetChanges.conform(sets.changes),
            decisions,
        )

    return run


@pytest.fixture
def names(key):
    known = {key(n): n for n in [f"{t}{k}" for t in "fbcunx" for k in range(12)]}

    def of(ids) -> list[str]:
        return [known[i] for i in ids]

    return of


def test_one_of_each_type_first_then_the_extras(select, names) -> None:
    ordered, _, _ = select(
        {"name": "c1", "type": "closeup", "best_position": 1},
        {"name": "c2", "type": "closeup", "best_position": 2},
        {"name": "c3", "type": "closeup", "best_position": 5},
        {"name": "b1", "type": "back", "best_position": 4},
        {"name": "f1", "type": "front", "best_position": 3},
        {"name": "f2", "type": "front", "best_position": 6},
        {"name": "u1", "type": "unsure", "best_position": 1},
    )
    assert names(ordered["image_id"]) == ["f1", "b1", "c1", "u1", "f2", "c2", "c3"]
    assert ordered["rank"].to_list() == list(range(1, 8))
    assert ordered["is_hero"].to_list() == [True] + [False] * 6
    assert ordered["reason"].to_list() == [
        "first front image: type rank 1 of bags; hero by the suppliers' position 3, the first of 2",
        "first back image: type rank 2 of bags",
        "first closeup image: type rank 3 of bags",
        "first unsure image: a type without a rank in bags, after those with one",
        "second front: extra image of a type, moved after one of each",
        "second closeup: extra image of a type, moved after one of each",
        "third closeup: extra image of a type, moved after two of each",
    ]


def test_ties_go_by_position_then_quality(select, names) -> None:
    ordered, _, _ = select(
        {"name": "f1", "best_position": 2},
        {"name": "f2", "best_position": 1, "sharpness": 0.35},
        {"name": "f3", "best_position": 1, "sharpness": 0.45},
    )
    assert names(ordered["image_id"]) == ["f3", "f2", "f1"]


def test_untyped_images_keep_the_suppliers_order(select, names) -> None:
    ordered, _, _ = select(
        {"name": "f1", "type": "untyped", "best_position": 3},
        {"name": "f2", "type": "untyped", "best_position": 1},
    )
    assert names(ordered["image_id"]) == ["f2", "f1"]
    assert ordered["reason"][0] == "no type yet: by the suppliers' position 1"


def test_many_extras_are_counted(select) -> None:
    ordered, _, _ = select(*({"name": f"c{k}", "best_position": k + 1} for k in range(11)))
    assert ordered["reason"][10].startswith("11th front: extra image")
    assert "moved after 10 of each" in ordered["reason"][10]


def test_products_without_a_choice_are_bypassed(select, names) -> None:
    ordered, changes, _ = select(
        {"name": "f1", "product_id": "single", "width": 90, "height": 90},
        {"name": "b1", "product_id": "curated", "is_curated": True, "best_position": 2},
        {"name": "c1", "product_id": "curated", "is_curated": True, "best_position": 1},
        products=("none", "single", "curated"),
    )
    status = dict(changes.select("product_id", "status").iter_rows())
    assert status == {
        "none": "bypassed_no_image",
        "single": "bypassed_single_image",
        "curated": "bypassed_curated",
    }
    sets = {p: names(g["image_id"]) for (p,), g in ordered.group_by("product_id")}
    assert sets == {"single": ["f1"], "curated": ["c1", "b1"]}
    single = ordered.filter(pl.col("product_id") == "single")
    assert single["reason"].item() == "the product's only image: kept as it is"
    assert "chosen by hand" in ordered.filter(pl.col("product_id") == "curated")["reason"][0]


def test_a_rejected_image_is_kept_in_no_set_whatever_bypasses_the_product(
    select, names, key
) -> None:
    ordered, changes, decisions = select(
        {"name": "f1", "product_id": "p1", "flag": "rejected"},
        {"name": "b1", "product_id": "curated", "is_curated": True, "best_position": 2},
        {"name": "c1", "product_id": "curated", "is_curated": True, "flag": "rejected",
         "sharpness": 0.01},
        {"name": "u1", "product_id": "hopeless", "is_curated": True, "flag": "rejected"},
        {"name": "u2", "product_id": "hopeless", "is_curated": True, "flag": "rejected"},
        {"name": "x1", "product_id": "asked", "flag": "review"},
        before=[("a", "f1", 1, DAY)],
        products=("p1", "curated", "hopeless", "asked"),
    )  # fmt: skip
    assert dict(changes.select("product_id", "status").iter_rows()) == {
        "p1": "changed",
        "curated": "bypassed_curated",
        "hopeless": "unchanged",  # nothing is known of what its first supplier shows
        "asked": "bypassed_single_image",
    }
    assert names(changes.filter(product_id="p1")["removed"].item()) == ["f1"]
    sets = {p: names(g["image_id"]) for (p,), g in ordered.group_by("product_id")}
    assert sets == {"curated": ["b1"], "asked": ["x1"]}
    why = dict(decisions.select("image_id", "reason").iter_rows())
    # The flag took it, although it is blurry, too: blurry curated images are kept.
    assert why[key("f1")] == why[key("c1")] == "weapon: probability 0.9"


def test_a_flag_takes_an_image_out_and_a_question_does_not(select, names, key) -> None:
    ordered, _, decisions = select(
        {"name": "f1", "flag": "rejected"},
        {"name": "b1", "type": "back", "flag": "review"},
        {"name": "c1", "type": "closeup"},
    )
    assert names(ordered["image_id"]) == ["b1", "c1"]
    (left_out,) = decisions.filter(decision="left_out").to_dicts()
    assert (left_out["image_id"], left_out["reason"]) == (key("f1"), "weapon: probability 0.9")


def test_partly_curated_products_are_processed(select) -> None:
    _, changes, _ = select({"name": "f1", "is_curated": True}, {"name": "b1", "type": "back"})
    assert changes["status"].item() == "changed"


def test_changes_against_the_first_supplier(select, names) -> None:
    later = DAY + timedelta(days=1)
    _, changes, _ = select(
        {"name": "f1", "type": "front", "best_position": 2},
        {"name": "b1", "type": "back", "best_position": 1},
        {"name": "c1", "type": "closeup"},
        {"name": "x1", "type": "none"},
        before=[
            ("zeta", "b1", 1, DAY),
            ("zeta", "f1", 2, DAY),
            ("zeta", "x1", 3, later),
            ("acme", "c1", 1, later),
        ],
    )
    row = changes.row(0, named=True)
    assert row["status"] == "changed"
    assert names(row["before"]) == ["b1", "f1", "x1"]
    assert names(row["after"]) == ["f1", "b1", "c1"]
    assert names(row["added"]) == ["c1"]
    assert names(row["removed"]) == ["x1"]
    assert sorted(names(row["moved"])) == ["b1", "f1"]
    assert row["hero_changed"]


def test_unchanged(select) -> None:
    _, changes, _ = select(
        {"name": "f1"},
        {"name": "b1", "type": "back"},
        before=[("a", "f1", 1, DAY), ("a", "b1", 2, DAY), ("a", "f1", 3, DAY)],
    )
    row = changes.row(0, named=True)
    assert row["status"] == "unchanged"
    assert row["moved"] == row["added"] == row["removed"] == []
    assert not row["hero_changed"]


def test_a_product_that_loses_every_image_is_changed(select) -> None:
    ordered, changes, _ = select(
        {"name": "f1", "sharpness": 0.01},
        {"name": "f2", "sharpness": 0.01},
        before=[("a", "f1", 1, DAY)],
    )
    assert ordered.is_empty()
    row = changes.row(0, named=True)
    assert (row["status"], row["after"], row["hero_changed"]) == ("changed", [], True)


def test_no_products(select) -> None:
    ordered, changes, _ = select(products=())
    assert ordered.is_empty()
    assert changes.is_empty()


def test_every_image_has_a_decision(select, key) -> None:
    _, _, decisions = select(
        {"name": "f1", "best_position": 1},
        {"name": "f2", "source": "f1", "best_position": 2},
        {"name": "b1", "type": "back", "sharpness": 0.05},
        {"name": "x1", "type": "none"},
    )
    assert decisions.select(PRODUCT).n_unique() == 1
    reasons = {r["image_id"]: (r["decision"], r["reason"]) for r in decisions.iter_rows(named=True)}
    assert reasons[key("f1")] == ("chosen", "first front image: type rank 1 of bags; hero")
    assert reasons[key("f2")] == (
        "left_out",
        f"duplicate of {key('f1')[:8]}: by their signals, "
        "pHash 0 bits, edge hash 0 bits, colour 0.0",
    )
    assert reasons[key("b1")][1] == "blurry: edge sharpness 0.05, at least 0.32 needed"
    assert reasons[key("x1")] == ("left_out", "shows no view of the product")
    assert decisions["rank"].to_list() == [1, None, None, None]


def test_an_image_without_signals_points_to_the_quarantine(
    make_aggregated, make_signals, make_types, to_cluster
) -> None:
    aggregated = make_aggregated({"name": "a"})
    quality = score_quality(aggregated, make_signals({"name": "b"}), QualitySettings())
    none = to_cluster(make_types(), make_signals({"name": "b"}), aggregated)
    clusters = cluster_duplicates(none, read_thresholds()).clusters
    ordered = OrderedImageSets.create_empty()
    decisions = explain(
        aggregated, quality, make_types(), clusters, ordered, ComplianceFlags.create_empty()
    )
    assert decisions["reason"].item() == "could not be decoded: see quarantine"
