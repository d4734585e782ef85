"""Ranks of review photos in the warehouse: what stands on a day, and what need not be done."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.operations.photo_ranker import RATINGS, RULES_MODEL, PhotoRanker
from imgassets.operations.review_ranks import (
    forget_marks,
    plan_ranks,
    rank_partitions,
    unaccounted_photos,
)
from imgassets.reviews.prompt import builtin_limits
from imgassets.settings import Settings
from imgassets.warehouse.contracts import PartitionState, ReviewImageRanks
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition
from tests.review_rows import Told, signals

FIRST, SECOND = dt.date(2026, 1, 5), dt.date(2026, 1, 6)
ONE, TWO = Partition(FIRST, "tablet"), Partition(SECOND, "tablet")


def by_number(photos: pl.DataFrame) -> np.ndarray:
    """The champion of these tests: photo n has score n / 100."""
    return np.array([int(name[-4:], 16) / 100 for name in photos["image_id"]])


RANKER = PhotoRanker(builtin_limits(), scores=by_number, version="review_ranker-1")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Told:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    told = Told(Warehouse(settings.warehouse, settings.warehouse_data), settings)
    told.tell(
        FIRST,
        [
            {"product_id": "p", "review_id": "r1", "helpful_votes": 3, "impressions": 40},
            {"product_id": "p", "review_id": "r2"},
            {"product_id": "q", "review_id": "r3"},
            {"product_id": "p", "review_id": "r4", "picture": 2},
        ],
    )
    told.tell(
        SECOND,
        [
            {"product_id": "p", "review_id": "r1", "helpful_votes": 9, "impressions": 80},
            {"product_id": "p", "review_id": "r9"},
        ],
    )
    return told


def ranks(home: Told, *partitions: Partition, ranker: PhotoRanker = RANKER) -> list[tuple]:
    """Rank what is stale, and return the places of all."""
    found = rank_partitions(home.warehouse, home.settings, ranker, partitions)
    order = ["day", "product_id", pl.coalesce("rank", "n_ranked"), "review_id"]
    columns = ["day", "product_id", "review_id", "rank", "n_ranked", "duplicate_of"]
    return [(row[0].day, *row[1:]) for row in found.rows.sort(order).select(columns).rows()]


def test_a_day_holds_the_products_its_files_name_with_all_their_photos_so_far(home: Told) -> None:
    assert ranks(home, ONE, TWO) == [
        (5, "p", "r2", 1, 2, None), (5, "p", "r1", 2, 2, None), (5, "p", "r4", None, 2, "r2"),
        (5, "q", "r3", 1, 1, None),
        (6, "p", "r9", 1, 3, None), (6, "p", "r2", 2, 3, None), (6, "p", "r1", 3, 3, None),
        (6, "p", "r4", None, 3, "r2"),
    ]  # fmt: skip


def test_votes_are_those_last_told_until_the_day(home: Told) -> None:
    ranks(home, ONE, TWO)
    rows = home.warehouse.read(ReviewImageRanks, where="review_id = 'r1'")
    assert rows.select("helpful_votes", "impressions").rows() == [(3, 40), (9, 80)]
    assert set(rows["model_version"]) == {"review_ranker-1"}


def test_days_ranked_alone_are_as_days_ranked_together(home: Told) -> None:
    together = ranks(home, ONE, TWO)
    forget_marks(home.warehouse, [TWO])
    assert ranks(home, ONE) + ranks(home, TWO) == together


def test_what_stands_costs_nothing_and_new_votes_touch_their_day_alone(home: Told) -> None:
    ranks(home, ONE, TWO)
    plan = plan_ranks(home.warehouse, home.settings)
    assert (plan.partitions, plan.n_fresh) == ([], 2)
    snapshot = home.warehouse.snapshot_id()
    again = rank_partitions(home.warehouse, home.settings, RANKER, [ONE, TWO])
    assert (again.unchanged, again.snapshot_id) == ({ONE, TWO}, None)
    assert again.rows.height == 8
    assert home.warehouse.snapshot_id() == snapshot
    home.tell(SECOND, [{"product_id": "p", "review_id": "r1", "helpful_votes": 10,
                        "impressions": 80}])  # fmt: skip
    assert plan_ranks(home.warehouse, home.settings).partitions == [TWO]
    found = rank_partitions(home.warehouse, home.settings, RANKER, [ONE, TWO])
    assert found.unchanged == {ONE}
    assert found.rows.filter(review_id="r1")["helpful_votes"].to_list() == [3, 10]


def test_other_limits_or_force_rank_again(home: Told, tmp_path: Path) -> None:
    ranks(home, ONE, TWO)
    limits = tmp_path / "limits.toml"
    text = (Path("imgassets/reviews/limits.toml").read_text()).replace("limit = 165", "limit = 160")
    limits.write_text(text)
    other = home.settings.model_copy(update={"photo_limits": limits})
    assert plan_ranks(home.warehouse, other).partitions == [ONE, TWO]
    assert plan_ranks(home.warehouse, home.settings, force=True).partitions == [ONE, TWO]
    assert plan_ranks(home.warehouse, home.settings, force=True, last=FIRST).partitions == [ONE]


def test_a_removed_mark_has_the_partition_ranked_again(home: Told) -> None:
    """As forgetting a review does."""
    ranks(home, ONE, TWO)
    where = "stage = 'review_ranks'"
    assert home.warehouse.read(PartitionState, where=where).height == 2
    forget_marks(home.warehouse, [ONE])
    assert plan_ranks(home.warehouse, home.settings).partitions == [ONE]
    assert rank_partitions(home.warehouse, home.settings, RANKER, [ONE, TWO]).unchanged == {TWO}


def test_without_a_champion_the_rules_score_and_say_so(home: Told) -> None:
    home.tell(
        FIRST,
        [{"product_id": "b", "review_id": f"r{n}"} for n in (20, 21)],
        category="backpack",
        features=signals(60).with_columns(
            bright=pl.when(pl.int_range(pl.len()) == 20).then(60.0).otherwise(230.0)
        ),
    )
    partition = Partition(FIRST, "backpack")
    rows = rank_partitions(
        home.warehouse, home.settings, PhotoRanker(builtin_limits()), [partition]
    ).rows
    assert rows.select("review_id", "rank", "weakness", "model_version").rows() == [
        ("r21", 1, "", RULES_MODEL), ("r20", 2, "dark", RULES_MODEL),
    ]  # fmt: skip
    assert rows["weakness_text"][1] == builtin_limits()["dark"].advice
    assert rows["aesthetic"].to_list() == [None, None]


def test_photos_without_signals_of_the_present_version_are_counted(home: Told) -> None:
    other = home.settings.model_copy(deep=True)
    other.ranking.nima_backbone = "somebody/mobilenet"
    found = rank_partitions(home.warehouse, other, RANKER, [ONE])
    assert (found.rows.height, found.unmeasured) == (0, 4)
    assert unaccounted_photos(home.warehouse, [ONE]) == 4
    ranks(home, ONE)
    assert unaccounted_photos(home.warehouse, [ONE]) == 0


def test_a_review_moved_to_another_product_is_that_products(home: Told) -> None:
    third = dt.date(2026, 1, 7)
    home.tell(FIRST, [{"product_id": "x", "review_id": f"r{n}"} for n in (30, 31)], category="bag")
    home.tell(third, [{"product_id": "y", "review_id": "r30"}, {"product_id": "x",
                      "review_id": "r32"}], category="bag")  # fmt: skip
    found = ranks(home, Partition(FIRST, "bag"), Partition(third, "bag"))
    assert [row[:3] for row in found] == [
        (5, "x", "r31"), (5, "x", "r30"), (7, "x", "r32"), (7, "x", "r31"), (7, "y", "r30"),
    ]  # fmt: skip
    newest = home.warehouse.sql(
        "SELECT product_id, review_id, rank FROM latest_review_ranks WHERE category = 'bag'"
    )
    assert newest.rows() == [("x", "r32", 1), ("x", "r31", 2), ("y", "r30", 1)]


def test_the_plan_names_what_is_missing(home: Told) -> None:
    with pytest.raises(ValueError, match="no review photo of category hats"):
        plan_ranks(home.warehouse, home.settings, categories=["hats"])
    with pytest.raises(ValueError, match="lies after"):
        plan_ranks(home.warehouse, home.settings, first=SECOND, last=FIRST)


def test_nimas_ratings_are_kept_where_heads_answer() -> None:
    def rate(photos: pl.DataFrame) -> pl.DataFrame:
        shares = [[0.1] * 10] * photos.height
        return pl.DataFrame(
            {"aesthetic": [5.5] * photos.height, "technical": [None] * photos.height,
             "aesthetic_distribution": shares, "technical_distribution": [None] * photos.height},
            schema=dict(RATINGS),
        )  # fmt: skip

    judged = PhotoRanker(builtin_limits(), scores=by_number, rate=rate).judge(signals(3))
    assert judged["score"].to_list() == [0.0, 0.01, 0.02]
    assert judged["aesthetic"].to_list() == [5.5] * 3
    assert judged["technical_distribution"].to_list() == [None] * 3
    assert judged["rule_score"].to_list() == [1.0] * 3
