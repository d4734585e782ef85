"""The generated sample catalog: what is written agrees with what is said about it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from PIL import Image, UnidentifiedImageError

from imgassets.learning.categories import read_categories
from imgassets.learning.labels import read_type_priorities
from imgassets.sample import SampleCatalog, write_sample_catalog
from imgassets.sample.canvas import Shot
from imgassets.sample.defects import MIN_OBJECT_FRACTION, MIN_USABLE_SIDE
from imgassets.sample.plan import make_plan
from imgassets.sample.products import STYLES_PER_CATEGORY, VIEWS, products

DECODABLE = ("blurry", "small_object", "low_resolution", "placeholder", "promo_badge")


@dataclass(frozen=True)
class Written:
    catalog: SampleCatalog
    images: pl.DataFrame
    products: pl.DataFrame
    feeds: pl.DataFrame
    bad_rows: pl.DataFrame

    def picture(self, image_url: str) -> Image.Image:
        picture = Image.open(self.catalog.folder / image_url)
        picture.load()
        return picture

    def having(self, defect: str) -> list[str]:
        return self.images.filter(pl.col("defects") == defect)["image_url"].to_list()


def read_feed(path: Path) -> pl.DataFrame:
    if path.suffix == ".csv":
        frame = pl.read_csv(path, infer_schema=False)
    elif path.suffix == ".jsonl":
        # A supplier's wrong type must arrive as it was sent, so types are not inferred here.
        lines = path.read_text(encoding="utf-8").splitlines()
        frame = pl.concat(pl.read_ndjson(io.StringIO(line)).cast(pl.String) for line in lines)
    else:
        frame = pl.read_parquet(path)
    return (
        frame.cast(pl.String)
        .with_row_index("feed_row", offset=1)
        .with_columns(
            pl.lit(f"{path.parent.name}/{path.name}").alias("feed_file"),
            pl.lit(path.parent.name).alias("day"),
            pl.lit(path.stem).alias("supplier"),
        )
    )


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    catalog = write_sample_catalog(tmp_path_factory.mktemp("sample"), styles=2)
    feeds = pl.concat(read_feed(path) for path in sorted(catalog.feeds.glob("*/*")))
    return Written(
        catalog,
        pl.read_csv(catalog.truth / "images.csv").with_columns(
            pl.col("defects", "source_id", "view").fill_null("")
        ),
        pl.read_csv(catalog.truth / "products.csv"),
        feeds,
        pl.read_csv(catalog.truth / "bad_rows.csv"),
    )


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_equal_seeds_give_equal_bytes(written: Written, tmp_path: Path):
    again = write_sample_catalog(tmp_path, styles=2)
    assert digest(again.folder) == digest(written.catalog.folder)


def test_other_seed_gives_other_plan():
    urls = [{r.image_url for r in make_plan(seed, 2).references} for seed in (0, 1)]
    assert not urls[0] & urls[1]


def test_counts_agree_with_files(written: Written):
    catalog = written.catalog
    files = list(catalog.images.rglob("*.jpg"))
    assert len(files) == catalog.n_files
    assert sum(path.stat().st_size for path in files) == catalog.n_bytes
    assert written.feeds.height == catalog.n_feed_rows
    assert written.images.height == catalog.n_references
    assert written.products.height == catalog.n_products
    assert sorted(written.feeds["day"].unique()) == list(catalog.days)
    assert written.feeds["supplier"].n_unique() == 3


def test_truth_covers_every_good_row(written: Written):
    good = written.feeds.join(written.bad_rows, on=["feed_file", "feed_row"], how="anti")
    assert good.height == written.feeds.height - written.bad_rows.height
    keys = ["image_url", "product_id", "supplier", "category"]
    assert good.join(written.images, on=keys, how="anti").is_empty()
    assert written.images["image_url"].is_unique().all()
    assert set(written.images["image_url"]) == set(good["image_url"])


def test_positions_are_never_renumbered(written: Written):
    good = written.feeds.join(written.bad_rows, on=["feed_file", "feed_row"], how="anti")
    rows = good.group_by("image_url").agg(pl.col("position").n_unique(), pl.len())
    assert rows["position"].max() == 1
    assert rows["len"].max() > 1, "some rows should be repeated on a later day"
    places = good.unique("image_url").group_by("supplier", "product_id").agg(
        pl.col("position").cast(pl.Int64).sort()
    )  # fmt: skip
    assert all(list(p) == list(range(1, len(p) + 1)) for p in places["position"])


def test_bad_rows_break_the_named_rule(written: Written):
    bad = written.feeds.join(written.bad_rows, on=["feed_file", "feed_row"])
    value = {row["rule"]: row for row in bad.to_dicts()}
    assert not value["missing_value"]["product_id"]
    assert value["wrong_type"]["position"] == "first"
    assert not value["missing_category"]["category"]
    assert len(value) == 3


def test_some_products_get_more_later_and_two_are_curated(written: Written):
    days = written.images.group_by("product_id").agg(pl.col("first_day").n_unique())
    assert (days["first_day"] > 1).any()
    good = written.feeds.join(written.bad_rows, on=["feed_file", "feed_row"], how="anti")
    curated = good.group_by("product_id").agg((pl.col("is_curated") == "true").all())
    assert curated["is_curated"].sum() == 2


def test_usable_pictures_keep_the_bounds(written: Written):
    usable = written.images.filter("usable")
    assert usable["object_fraction"].min() >= MIN_OBJECT_FRACTION
    for url in usable["image_url"]:
        assert min(written.picture(url).size) >= MIN_USABLE_SIDE, url


def test_defects_are_what_they_are_called(written: Written):
    for defect in DECODABLE:
        for url in written.having(defect):
            written.picture(url)
    small = written.images.filter(pl.col("defects") == "small_object")["object_fraction"]
    assert small.is_between(0.05, 0.14).all()
    assert all(90 <= max(written.picture(u).size) <= 190 for u in written.having("low_resolution"))
    art = [digest_of(written, url) for url in written.having("placeholder")]
    assert len(set(art)) == 2
    assert max(art.count(one) for one in art) > 2


def digest_of(written: Written, image_url: str) -> str:
    return hashlib.sha256((written.catalog.folder / image_url).read_bytes()).hexdigest()


def test_broken_files_cannot_be_decoded(written: Written):
    for url in written.having("corrupt"):
        with pytest.raises(OSError, match="truncated"):
            written.picture(url)
    for url in written.having("not_an_image"):
        with pytest.raises(UnidentifiedImageError):
            written.picture(url)
    assert written.having("dead_url")
    assert not any((written.catalog.folder / url).exists() for url in written.having("dead_url"))


def test_duplicates_follow_a_usable_picture_of_the_same_source(written: Written):
    usable = written.images.filter("usable")
    first = usable.filter(~pl.col("is_duplicate"))
    assert first["source_id"].is_unique().all()
    assert set(first["source_id"]) == set(usable["source_id"])
    assert usable["is_duplicate"].sum() > 5
    broken = written.images.filter(pl.col("defects").is_in(["corrupt", "not_an_image", "dead_url"]))
    assert set(broken["source_id"]) == {""}


def test_expected_order_lists_each_usable_source_once(written: Written):
    usable = written.images.filter("usable")
    for row in written.products.to_dicts():
        mine = usable.filter(pl.col("product_id") == row["product_id"])
        order, views = row["expected_order"].split(";"), row["expected_views"].split(";")
        assert sorted(order) == sorted(mine["source_id"].unique())
        ranks = [VIEWS[row["category"]].index(view) for view in views]
        assert ranks == sorted(ranks)


def test_labels_hold_all_visible_pictures_of_train_products_only(written: Written):
    labels = pl.read_csv(written.catalog.labels)
    train = written.images.filter((pl.col("split") == "train") & (pl.col("view") != ""))
    assert set(labels["image_url"]) == set(train["image_url"])
    both = labels.join(written.images, on=["image_url", "product_id"])
    assert both.height == labels.height
    assert (both["image_type"] == both["view"]).all()
    styles = dict(written.products.select("product_id", "style").iter_rows())
    assert all(styles[p] == g for p, g in labels.select("product_id", "group_id").iter_rows())


def test_categories_name_every_view_once(written: Written):
    frame = pl.read_csv(written.catalog.categories)
    for category, views in VIEWS.items():
        rows = frame.filter(pl.col("category") == category).sort("rank")
        assert tuple(rows["view"]) == views
        assert rows["rank"].to_list() == list(range(1, len(views) + 1))


def test_both_files_of_categories_say_the_same(written: Written):
    lists = read_categories(written.catalog.categories_toml)
    assert lists.priorities.equals(read_type_priorities(written.catalog.categories))
    assert set(lists.categories["vertical"]) == {"apparel", "electronics"}


def test_splits_hold_every_category_and_never_share_a_style():
    plan = make_plan(0, STYLES_PER_CATEGORY)
    by_split = {
        split: [p for p in plan.products if p.split == split] for split in ("train", "test")
    }
    for members in by_split.values():
        assert {p.category for p in members} == set(VIEWS)
    styles = [{p.style for p in members} for members in by_split.values()]
    assert not styles[0] & styles[1]
    assert len(by_split["train"]) == 0.6 * len(plan.products)


@pytest.mark.parametrize("split", ["train", "test"])
def test_full_plan_has_every_defect_on_both_splits(split: str):
    plan = make_plan(0, STYLES_PER_CATEGORY)
    found = {r.defect for r in plan.references if r.product.split == split}
    assert found >= {*DECODABLE, "corrupt", "not_an_image", "dead_url"}


def test_full_plan_has_every_view_of_every_category_to_learn_from():
    plan = make_plan(0, STYLES_PER_CATEGORY)
    for split in ("train", "test"):
        for category, views in VIEWS.items():
            seen = {
                r.view
                for r in plan.references
                if r.is_usable and r.product.split == split and r.product.category == category
            }
            assert seen == set(views)


def test_tablet_with_and_without_stylus_are_different_pictures():
    with_pen = next(p for p in products() if p.has_stylus)
    shots: list[Shot] = [with_pen.photograph(s, 0, 400) for s in ("front", "front-stylus")]
    assert shots[0].picture.tobytes() != shots[1].picture.tobytes()
    sources = {r.source_id for r in make_plan(0, 5).references if r.product == with_pen}
    assert {f"{with_pen.product_id}/front", f"{with_pen.product_id}/front-stylus"} <= sources


def test_styles_out_of_range_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"2 … 5"):
        write_sample_catalog(tmp_path, styles=1)
