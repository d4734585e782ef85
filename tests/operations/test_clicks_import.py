from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from imgassets.operations.clicks import click_model, import_clicks, read_clicks
from imgassets.operations.selection import order_products
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComplianceFlags,
    DedupClusters,
    ImageClicks,
    ImageRelevance,
    ImageSetChanges,
    ImageTypes,
    OrderedImageSets,
    QualityScores,
    TypePriorities,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from tests.command import run_command

HEADER = "day,category,product_id,image_url,position,impressions,clicks"
DAY = dt.date(2026, 1, 5)
CELL = {"day": DAY, "category": "bags", "product_id": "p1"}
A, B = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def warehouse(home: Path) -> Iterator[Warehouse]:
    of = Settings(home=home)
    lake = Warehouse(of.warehouse, of.warehouse_data)
    lake.initialise()
    yield lake
    tables = (ImageClicks, ImageRelevance, TypePriorities, OrderedImageSets, DedupClusters,
              ImageSetChanges, AggregatedImages, QualityScores, ImageTypes)  # fmt: skip
    lake.replace([Replacement(t, t.create_empty()) for t in tables], CommitMessage(asset="test"))


@pytest.fixture
def file(tmp_path: Path):
    def of(*lines: str) -> str:
        path = tmp_path / "clicks.csv"
        path.write_text("\n".join([HEADER, *lines]))
        return str(path)

    return of


def moved(clicks_of_b: int) -> list[str]:
    """Return lines in which both images were shown at both positions, b being liked more."""
    return [
        "2026-02-01,bags,p1,a.jpg,1,1000,100",
        "2026-02-01,bags,p1,b.jpg,2,1000,100",
        "2026-02-02,bags,p1,a.jpg,2,1000,50",
        f"2026-02-02,bags,p1,b.jpg,1,1000,{clicks_of_b}",
    ]


def rows_of(contract, *rows: dict) -> pl.DataFrame:
    schema = contract.create_empty().schema
    full = [dict.fromkeys(schema) | CELL | row for row in rows]
    return pl.DataFrame(full, schema=schema)


def inputs() -> dict[str, pl.DataFrame]:
    """Return what the steps before the order made of two front photos of one product."""
    both = [{"image_id": A, "image_urls": ["a.jpg"]}, {"image_id": B, "image_urls": ["b.jpg"]}]
    judged = {"p_blurry": 0.0, "p_small_object": 0.0, "p_placeholder": 0.0, "passed": True}
    alone = {"image_type": "front", "is_representative": True, "reasons": [], "failed_rules": []}
    images = [
        image | judged | alone | {"best_position": n, "is_curated": False, "cluster_id": i}
        for n, (image, i) in enumerate(zip(both, (A, B), strict=True), 1)
    ]

    def of(contract) -> pl.DataFrame:
        names = contract.column_names()
        return rows_of(contract, *({k: v for k, v in i.items() if k in names} for i in images))

    signals = {"background_whiteness": 1.0, "foreground_fraction": 0.5, "sharpness": 0.4}
    return {
        "products": pl.DataFrame([CELL]),
        "aggregated": of(AggregatedImages),
        "signals": pl.DataFrame(
            [{"day": DAY, "category": "bags", "image_id": i} | signals for i in (A, B)]
        ),
        "quality": of(QualityScores),
        "types": of(ImageTypes),
        "clusters": of(DedupClusters),
        "compliance": ComplianceFlags.create_empty(),
    }


def test_a_later_import_replaces_what_it_repeats(warehouse: Warehouse, file) -> None:
    first = import_clicks(warehouse, file(*moved(200)))
    assert (first.rows, first.replaced, first.categories, first.unknown) == (4, 0, ["bags"], 1)
    again = import_clicks(warehouse, file("2026-02-02,bags,p1,b.jpg,1,1000,250"))
    assert (again.rows, again.replaced) == (1, 1)
    kept = warehouse.read(ImageClicks)
    assert kept["clicks"].sum() == 100 + 100 + 50 + 250
    assert kept["day"].unique().sort().to_list() == [dt.date(2026, 2, 1), dt.date(2026, 2, 2)]


def test_a_faulty_file_changes_nothing(warehouse: Warehouse, file) -> None:
    import_clicks(warehouse, file(*moved(200)))
    with pytest.raises(ValueError, match="line 3: position '0'"):
        import_clicks(
            warehouse, file("2026-02-09,bags,p1,a.jpg,1,9,9", "2026-02-09,bags,p1,a,0,9,9")
        )
    assert warehouse.read(ImageClicks).height == 4
    with pytest.raises(ValueError, match="no such file"):
        import_clicks(warehouse, "nowhere.csv")


def test_clicks_order_a_products_images_where_the_policy_says_so(
    warehouse: Warehouse, file, home: Path, tmp_path: Path
) -> None:
    priorities = TypePriorities.conform(
        pl.DataFrame({"category": ["bags"], "image_type": ["front"], "rank": [1]})
    )
    relevance = rows_of(ImageRelevance, {"image_id": A, "score": 0.9, "model_version": "1"})
    warehouse.replace(
        [Replacement(TypePriorities, priorities), Replacement(ImageRelevance, relevance)],
        CommitMessage(asset="test"),
    )
    import_clicks(warehouse, file(*moved(200)))
    toml = tmp_path / "policies.toml"
    toml.write_text("[categories.bags]\nmin_relevance = 0.5\nclicks = {learned = true}")
    switched = Settings(home=home, ordering={"policies": toml})
    cells = [Partition(DAY, "bags")]
    for settings, expected, by in (
        (Settings(home=home), [A, B], "policy"), (switched, [B, A], "clicks"),
    ):  # fmt: skip
        sets = order_products(warehouse, settings, cells, **inputs())
        assert sets.ordered["image_id"].to_list() == expected
        assert sets.ordered["ordered_by"].to_list() == [by, by]
        assert sets.ordered.sort("image_id")["click_rank"].to_list() == [2, 1]
    warehouse.replace(
        [Replacement(ImageRelevance, relevance.with_columns(image_id=pl.lit(B), score=0.1))],
        CommitMessage(asset="test"),
    )
    sets = order_products(warehouse, switched, cells, **inputs())
    assert sets.ordered["image_id"].to_list() == [A, B]
    assert sets.ordered["reason"][1].startswith("shows something else")


def test_a_model_is_fitted_to_the_whole_category(warehouse: Warehouse, file) -> None:
    import_clicks(warehouse, file(*moved(200)))
    model = click_model(warehouse, ["bags", "hats"])
    assert model.propensities["position"].to_list() == [1, 2]
    other = pl.DataFrame([CELL | {"product_id": "p2"}])
    found = read_clicks(warehouse, other)
    assert found.shown.is_empty()
    assert found.model.propensities.equals(model.propensities)
    assert read_clicks(warehouse, other.clear()).model.places.is_empty()


def test_the_command_says_what_it_took_and_what_is_off(
    warehouse: Warehouse, file, home: Path
) -> None:
    done = run_command(
        "clicks", "import", file(*moved(200)), environment={"IMGASSETS_HOME": str(home)}
    )
    assert done.returncode == 0
    assert "4 rows of clicks imported, 0 replaced" in done.stdout
    assert "the policy's still in bags" in done.stdout
    assert "1 products of the file are in no feed" in done.stderr
    bad = run_command(
        "clicks", "import", file("x,bags,p1,a,1,1,1"), environment={"IMGASSETS_HOME": str(home)}
    )
    assert bad.returncode == 1
    assert "line 2: day 'x' is no date" in bad.stderr


def test_an_image_over_the_maximum_is_explained_in_the_view(warehouse: Warehouse) -> None:
    frames = inputs()
    sets = {
        "rank": 1, "image_id": A, "image_type": "front", "is_hero": True, "reason": "first",
    }  # fmt: skip
    change = {"status": "changed", "before": [A, B], "after": [A], "added": [], "removed": [B],
              "moved": [], "hero_changed": False}  # fmt: skip
    images = {"suppliers": ["s"], "format": "JPEG", "width": 9, "height": 9, "byte_size": 1,
              "mode": "rgb", "bit_depth": 8, "frames": 1, "first_seen": DAY}  # fmt: skip

    def filled(frame: pl.DataFrame, **values: object) -> pl.DataFrame:
        return frame.with_columns(pl.Series(k, [v] * 2) for k, v in values.items())

    warehouse.replace(
        [
            Replacement(AggregatedImages, filled(frames["aggregated"], **images)),
            Replacement(QualityScores, filled(frames["quality"], judged_by=[])),
            Replacement(
                ImageTypes,
                filled(frames["types"], probability=1.0, approach="people", model_version="",
                       answered_by="people"),
            ),
            Replacement(DedupClusters, frames["clusters"]),
            Replacement(OrderedImageSets, rows_of(OrderedImageSets, sets)),
            Replacement(ImageSetChanges, rows_of(ImageSetChanges, change)),
        ],
        CommitMessage(asset="test"),
    )  # fmt: skip
    found = warehouse.sql("SELECT image_id, rule_id, reason FROM image_decisions ORDER BY image_id")
    assert found.rows() == [
        (A, "chosen", "first"),
        (B, "over_maximum", "the set is full: 1 images come before it, the most allowed"),
    ]
