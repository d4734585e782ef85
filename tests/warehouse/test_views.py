"""The analysts' views and queries: their comments, their order, and what they say of a few rows."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from imgassets.warehouse.contracts import (
    AggregatedImages,
    Categories,
    Contract,
    DedupClusters,
    FetchedImages,
    FlagAssessments,
    ImageSetChanges,
    ImageSignals,
    ImageTypes,
    ModelVersions,
    OrderedImageSets,
    QualityScores,
    Quarantine,
    SupplierOffers,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.views import View, sql_folder, view_columns, views, with_sources

DAY1, DAY2 = dt.date(2026, 1, 5), dt.date(2026, 1, 9)
FRONT, BACK, COPY, BLURRED = (c * 64 for c in "abcd")
DEFAULTS: dict[pl.DataType, Any] = {
    pl.String(): "", pl.Int32(): 1, pl.Int64(): 1, pl.Float32(): 0.5, pl.Float64(): 0.5,
    pl.Boolean(): False, pl.Date(): DAY2, pl.List(pl.String): [], pl.List(pl.Float32): [],
}  # fmt: skip


def rows(contract: type[Contract], *given: dict[str, Any]) -> Replacement:
    """Fill what a test does not care about with anything that the contract takes."""
    common = {
        "day": DAY2, "category": "lamps", "product_id": "p1", "image_id": FRONT, "format": "JPEG",
        "mode": "rgb", "image_url": "u", "image_location": "/u", "supplier_id": "acme",
        "signals_version": "signals-9", "feed_file": "f.csv", "model_version": "1",
        "phash": "0" * 16, "dhash": "0" * 16, "object_phash": "0" * 16, "edge_dhash": "0" * 16,
    }  # fmt: skip
    schema, columns = contract.create_empty().schema, contract.columns()
    filled = [
        {
            name: row.get(name, common.get(name, None if columns[name].nullable else DEFAULTS[t]))
            for name, t in schema.items()
        }
        for row in given
    ]
    return Replacement(contract, pl.DataFrame(filled, schema=schema))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two lamps: p1 changes on the second day; p2 has a blurred image only, and no set."""
    folder = tmp_path_factory.mktemp("lake")
    warehouse = Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data")
    urls = {FRONT: "front.jpg", BACK: "back.jpg", COPY: "copy.jpg"}
    senders = {FRONT: "acme", BACK: "acme", COPY: "dune"}
    rules = ["blurry: model 3", "placeholder: rules"]
    warehouse.replace(
        [
            rows(
                SupplierOffers,
                # Sent twice by the same supplier: one reference.
                {"image_url": "front.jpg", "day": DAY1},
                *({"image_url": url, "supplier_id": senders[i]} for i, url in urls.items()),
                {"image_url": "gone.jpg", "supplier_id": "dune"},
                {"image_url": "blurred.jpg", "supplier_id": "dune", "product_id": "p2"},
            ),
            rows(
                FetchedImages,
                {"image_url": "front.jpg", "day": DAY1, "image_id": BLURRED},
                *(
                    {"image_url": url, "supplier_id": senders[i], "image_id": i}
                    for i, url in urls.items()
                ),
                {
                    "image_url": "blurred.jpg", "supplier_id": "dune", "product_id": "p2",
                    "image_id": BLURRED,
                },
            ),
            rows(
                Quarantine,
                {
                    "image_url": "gone.jpg", "supplier_id": "dune", "stage": "fetch",
                    "rule_id": "not_found", "detail": "404", "image_id": None,
                },
            ),
            rows(
                AggregatedImages,
                *({"image_id": i} for i in urls),
                {"image_id": BLURRED, "product_id": "p2"},
            ),
            rows(ImageSignals, *({"image_id": i} for i in (*urls, BLURRED))),
            rows(
                QualityScores,
                *({"image_id": i, "passed": True, "judged_by": rules} for i in urls),
                {
                    "image_id": BLURRED, "product_id": "p2", "judged_by": rules,
                    "failed_rules": ["blurry"], "reasons": ["sharpness 0.1, at least 0.3 needed"],
                },
            ),
            rows(FlagAssessments, {"flag": "weapon", "status": "not_assessed", "n_images": 0}),
            rows(
                ImageTypes,
                {"image_type": "front", "answered_by": "category lamps", "model_version": "2"},
                {"image_id": BACK, "image_type": "back", "answered_by": "people"},
                {
                    "image_id": COPY, "image_type": "size_chart",
                    "answered_by": "shared size_chart", "model_version": "size_chart:7",
                },
            ),
            rows(
                DedupClusters,
                {"cluster_id": FRONT, "is_representative": True},
                {"image_id": BACK, "cluster_id": BACK, "is_representative": True},
                {"image_id": COPY, "cluster_id": FRONT, "decided_by": "signals"},
            ),
            rows(
                OrderedImageSets,
                {"is_hero": True, "image_type": "front"},
                {"rank": 2, "image_id": BACK, "image_type": "back"},
            ),
            rows(
                ImageSetChanges,
                {"day": DAY1, "status": "changed", "after": [BACK]},
                {"status": "changed", "after": [FRONT, BACK]},
                {"product_id": "p2", "status": "unchanged"},
            ),
            Replacement(
                Categories,
                pl.DataFrame(
                    {
                        "category": ["lamps"],
                        "vertical": ["home"],
                        "types": [["front", "back", "side"]],
                        "expected": [["front", "side"]],
                    }
                ),
            ),
            Replacement(
                ModelVersions,
                pl.DataFrame(
                    [
                        {
                            "model": model, "version": version, "is_champion": True, "run_id": "r",
                            "metric": "f1", "value": 0.9, "n_train": 9, "n_test": 9,
                            "snapshot_id": 1,
                        }
                        for model, version in (
                            ("image_type.category.lamps", 3), ("blurry", 3), ("size_chart", 7),
                        )
                    ]
                ),
            ),
        ],
        CommitMessage(asset="test"),
    )  # fmt: skip
    return warehouse


def only(frame: pl.DataFrame, **equals: Any) -> dict[str, Any]:
    (row,) = frame.filter(**equals).rows(named=True)
    return row


def test_each_view_says_what_a_row_is_and_documents_columns_that_it_has() -> None:
    columns = view_columns()
    for view in views():
        assert view.comment.startswith("One row per "), view.name
        assert set(view.meanings) <= set(columns[view.name]), view.name


@pytest.mark.parametrize(
    "path", sorted((sql_folder() / "queries").glob("*.sql")), ids=lambda path: path.stem
)
def test_each_query_says_what_a_row_is(path: Any) -> None:
    assert path.read_text(encoding="utf-8").startswith("-- One row per ")


def test_views_come_after_those_that_they_read() -> None:
    names = [view.name for view in views()]
    for view in views():
        assert all(names.index(s) < names.index(view.name) for s in view.reads(names)), view.name


def test_a_view_brings_what_it_reads() -> None:
    names = [view.name for view in with_sources(["category_coverage"])]
    assert {"latest_partitions", "missing_types", "type_coverage"} < set(names)
    assert names[-1] == "category_coverage"
    with pytest.raises(KeyError):
        with_sources(["no_such_view"])


def test_names_in_comments_and_texts_are_no_sources() -> None:
    view = View.parse("v", "-- One row per x.\n-- FROM categories\nSELECT 'FROM categories'")
    assert view.reads(["categories"]) == []
    assert (view.comment, view.notes) == ("One row per x.", "FROM categories")


@pytest.mark.parametrize(
    "name",
    ["image_decisions", "image_story", "image_funnel", "latest_image_sets", "supplier_scorecard",
     "type_coverage"],
)  # fmt: skip
def test_a_category_that_is_asked_for_is_all_that_is_read(shop: Warehouse, name: str) -> None:
    with shop.connect() as connection:
        (row,) = connection.execute(
            f"EXPLAIN (FORMAT json) FROM {name} WHERE category = 'lamps'"
        ).fetchall()
    scans = [found for found in _operators(json.loads(row[1])) if "Table" in found]
    assert len(scans) >= 3
    assert [scan["Table"] for scan in scans if "lamps" not in str(scan.get("Filters"))] == []


def _operators(plan: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for operator in plan:
        yield operator["extra_info"]
        yield from _operators(operator["children"])


def test_a_view_that_is_gone_or_altered_is_installed_again(shop: Warehouse) -> None:
    assert shop.install() == []
    with shop.connect(read_only=False) as connection:
        connection.execute("DROP VIEW image_funnel")
        connection.execute("COMMENT ON VIEW set_revisions IS 'another text'")
    assert sorted(shop.install()) == ["image_funnel", "set_revisions"]


def test_the_scorecard_counts_a_reference_once_with_its_latest_bytes(shop: Warehouse) -> None:
    scores = shop.sql("FROM supplier_scorecard")
    acme, dune = (only(scores, supplier_id=name) for name in ("acme", "dune"))
    assert (acme["references_sent"], acme["arrived"], acme["chosen"], acme["heroes"]) == (
        2,
        2,
        2,
        1,
    )
    assert (acme["share_passed"], acme["last_day"]) == (1, DAY2)
    assert (dune["references_sent"], dune["refused"], dune["failed_quality"]) == (3, 1, 1)
    assert (dune["duplicates"], dune["judged"], dune["share_passed"]) == (1, 2, 0.5)
    # Wilson's interval of 1 of 2 and of 2 of 2 (Wilson 1927; tables in any textbook).
    assert dune["share_passed_at_least"] == pytest.approx(0.095, abs=0.002)
    assert acme["share_passed_at_least"] == pytest.approx(0.342, abs=0.002)


def test_coverage_of_types_and_categories(shop: Warehouse) -> None:
    types = shop.sql("FROM type_coverage")
    assert types.select("image_type", "is_expected", "with_type", "lacking").rows() == [
        ("back", False, 1, 1), ("front", True, 1, 1), ("side", True, 0, 2),
    ]  # fmt: skip
    (category,) = shop.sql("FROM category_coverage").rows(named=True)
    assert (category["products"], category["with_images"], category["complete"]) == (2, 1, 0)
    assert (category["most_lacked"], category["lacking_it"]) == ("side", 2)
    assert (category["images_per_product"], category["vertical"]) == (1, "home")


def test_the_funnel_loses_images_step_by_step(shop: Warehouse) -> None:
    (row,) = shop.sql("FROM image_funnel").rows(named=True)
    assert list(row.values())[1:] == [2, 4, 4, 3, 3, 3, 2, 2]


def test_a_revision_compares_a_set_with_the_one_before(shop: Warehouse) -> None:
    first, second = shop.sql("FROM set_revisions WHERE product_id = 'p1'").rows(named=True)
    assert (first["change"], first["previous_day"], first["hero_changed"]) == (
        "first_set", None, False,
    )  # fmt: skip
    assert (second["change"], second["previous_day"]) == ("hero", DAY1)
    assert (second["added"], second["removed"], second["hero_changed"]) == ([FRONT], [], True)
    assert shop.sql("FROM set_revisions WHERE product_id = 'p2'").is_empty()


def test_the_story_of_an_image_and_of_a_reference_that_never_arrived(shop: Warehouse) -> None:
    story = shop.sql("FROM image_story WHERE product_id = 'p1'")
    steps = dict(story.filter(image_id=COPY).select("step", "outcome").iter_rows())
    assert steps == {
        "sent": "arrived", "measured": "measured", "quality": "passed", "type": "size_chart",
        "duplicates": "duplicate", "decision": "left out",
    }  # fmt: skip
    assert story.filter(image_id=COPY)["step_number"].is_sorted()
    refused = only(story, outcome="refused")
    assert (refused["image_id"], refused["detail"]) == (None, "not_found: 404")
    failed = shop.sql("FROM image_story WHERE image_id LIKE 'd%' AND step = 'quality'")
    assert only(failed, product_id="p2")["detail"] == "sharpness 0.1, at least 0.3 needed"


def test_models_in_force_name_the_version_and_the_champion(shop: Warehouse) -> None:
    found = shop.sql("FROM models_in_force")
    own = only(found, model="image_type.category.lamps")
    assert (own["version"], own["answered_by_champion"], own["champion_version"]) == ("2", False, 3)
    assert only(found, model="size_chart")["answered_by_champion"]
    blurry = only(found, decides="quality blurry")
    assert (blurry["version"], blurry["answers"], blurry["answered_by_champion"]) == ("3", 4, True)
    assert only(found, decides="quality placeholder")["decider"] == "rules"
    assert only(found, decides="compliance weapon")["decider"] == "nobody"
    people = only(found, decides="type", decider="people")
    assert (people["model"], people["answered_by_champion"]) == (None, None)
