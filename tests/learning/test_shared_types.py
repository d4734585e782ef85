from __future__ import annotations

import datetime
from pathlib import Path

import polars as pl

from imgassets.learning.shared_types import TYPED, shared_types
from imgassets.moderation.compliance import SCORED
from imgassets.moderation.flags import builtin_flags

DAY = datetime.date(2026, 1, 5)
TYPES = pl.DataFrame(
    {"category": ["bags", "tees"], "types": [["front", "lifestyle", "size_chart"], ["front"]]}
)
PEOPLE = Path(__file__).parent / "data" / "people.csv"


def images(*ids: str, category: str = "bags") -> pl.DataFrame:
    rows = [(DAY, category, image, f"p-{image}") for image in ids]
    return pl.DataFrame(rows, ["day", "category", "image_id", "product_id"], orient="row")


def scores(*rows: tuple[str, str, float]) -> pl.DataFrame:
    """Return scores of (image, flag, probability) with the limits 0.5, 0.9 and 0.3."""
    return pl.DataFrame(
        [(image, flag, p, 0.5, 0.9, 0.3, "4") for image, flag, p in rows], SCORED, orient="row"
    )


def told(*rows: tuple[str, str, bool]) -> pl.DataFrame:
    schema = {"image_id": pl.String, "flag": pl.String, "value": pl.Boolean}
    return pl.DataFrame(list(rows), schema, orient="row")


def typed(found: pl.DataFrame) -> dict[str, str]:
    return dict(found.select("image_id", "image_type").iter_rows())


def test_an_image_takes_the_surest_type_that_is_over_its_limit() -> None:
    scored = scores(
        ("a", "lifestyle", 0.92), ("a", "size_chart", 0.97), ("b", "lifestyle", 0.89),
        ("c", "size_chart", 0.91),
    )  # fmt: skip
    found = shared_types(images("a", "b", "c", "d"), scored, builtin_flags(), TYPES)
    assert found.schema == TYPED
    assert typed(found) == {"a": "size_chart", "c": "size_chart"}
    assert found["model_version"].to_list() == ["size_chart:4"] * 2
    assert found["probability"][0] == pl.Series([0.97], dtype=pl.Float32)[0]


def test_only_types_that_the_category_lists() -> None:
    scored = scores(("a", "lifestyle", 0.95), ("a", "multi_view", 0.99))
    both = pl.concat([images("a"), images("a", category="tees")])
    found = shared_types(both, scored, builtin_flags(), TYPES)
    assert found.select("category", "image_type").rows() == [("bags", "lifestyle")]
    nothing = shared_types(both, scored, builtin_flags(), TYPES.clear())
    assert nothing.is_empty()
    assert nothing.schema == TYPED


def test_flags_of_other_groups_are_no_types() -> None:
    listed = TYPES.with_columns(types=pl.lit(["collage", "blurry"]))
    scored = scores(("a", "collage", 0.99), ("a", "blurry", 0.99))
    people = told(("b", "collage", True))
    assert shared_types(images("a", "b"), scored, builtin_flags(), listed, people).is_empty()


def test_people_overrule_the_models() -> None:
    scored = scores(("a", "lifestyle", 0.99), ("b", "size_chart", 0.99), ("c", "lifestyle", 0.1))
    people = told(("a", "lifestyle", False), ("b", "lifestyle", True), ("c", "lifestyle", True))
    found = shared_types(images("a", "b", "c"), scored, builtin_flags(), TYPES, people)
    assert typed(found) == {"b": "lifestyle", "c": "lifestyle"}
    assert set(found["model_version"]) == {"lifestyle:people"}
    assert set(found["probability"]) == {1.0}


def test_one_row_per_image_and_partition_whatever_the_order() -> None:
    scored = scores(("a", "lifestyle", 0.95), ("a", "size_chart", 0.95))
    twice = pl.concat([images("a"), images("a").with_columns(product_id=pl.lit("other"))])
    found = shared_types(twice, scored, builtin_flags(), TYPES)
    assert typed(found) == {"a": "lifestyle"}, "of two alike the first in the registry"
    assert shared_types(twice[::-1], scored[::-1], builtin_flags(), TYPES).equals(found)


def test_the_judged_pictures_are_there(shared) -> None:
    judged = pl.read_csv(PEOPLE)
    assert set(judged["value"]) == {"yes", "no"}
    folders = {folder: shared(folder) for folder in set(judged["folder"])}
    for folder, file in judged.select("folder", "file").sample(60, seed=0).iter_rows():
        assert (folders[folder] / file).is_file(), file
