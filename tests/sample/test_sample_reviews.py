"""The sample's review photos: what is written agrees with what is said about it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.reviews.prompt import builtin_limits, score_photo
from imgassets.sample.products import products
from imgassets.sample.reviews import SPOILT, SampleReviews, _photos_of, write_sample_reviews
from imgassets.statistics import spearman
from imgassets.vision.photo import measure_photo


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SampleReviews:
    return write_sample_reviews(tmp_path_factory.mktemp("sample"), styles=2)


@pytest.fixture(scope="module")
def truth(written: SampleReviews) -> pl.DataFrame:
    return pl.read_csv(written.truth).with_columns(pl.col("problem", "copy_of").fill_null(""))


def named(written: SampleReviews, day: str = "2026-01-05") -> pl.DataFrame:
    return pl.read_csv(written.folder / day / "reviews.csv")


def test_every_row_but_the_bad_ones_has_a_small_photo_and_its_truth(written, truth) -> None:
    rows = named(written)
    good = rows.filter(~pl.col("review_id").str.starts_with("r99"))
    assert good.height == written.n_reviews == truth.height
    assert good["product_id"].n_unique() == written.n_products
    assert set(good["product_id"]) <= {p.product_id for p in products(2)}
    assert set(good["review_id"]) == set(truth["review_id"])
    for url in good["image_url"]:
        with Image.open(written.folder.parent / url) as picture:
            assert max(picture.size) <= 400


def test_votes_fall_with_the_severity_and_never_exceed_impressions(written, truth) -> None:
    rows = named(written).filter(~pl.col("review_id").str.starts_with("r99")).join(
        truth.drop("product_id"), on="review_id"
    )  # fmt: skip
    assert (rows["helpful_votes"] <= rows["impressions"]).all()
    rate = (rows["helpful_votes"] / rows["impressions"]).to_numpy()
    assert spearman(-rows["severity"].to_numpy(), rate) > 0.5
    later = named(written, "2026-01-06").join(
        rows.select("review_id", before="helpful_votes"), on="review_id"
    )  # fmt: skip
    assert (later["helpful_votes"] >= later["before"]).all()
    assert later["product_id"].n_unique() == 1


def test_gross_problems_are_named_and_good_photos_mostly_not_blamed(written, truth) -> None:
    found = []
    for row in truth.iter_rows(named=True):
        data = (written.folder / "photos" / f"{row['review_id']}.jpg").read_bytes()
        problems = score_photo(measure_photo(data), builtin_limits()).problems
        found.append(problems[0].id if problems else "")
    told = truth.with_columns(found=pl.Series(found))
    gross = told.filter(pl.col("severity") >= 0.5)
    assert set(gross["problem"]) == set(SPOILT)
    assert (gross["found"] == gross["problem"]).mean() > 0.8
    assert (told.filter(problem="")["found"] == "").mean() > 0.8


def test_copies_are_what_they_say(written, truth) -> None:
    photos = written.folder / "photos"
    copies = truth.filter(pl.col("copy_of") != "").select("review_id", "copy_of").rows()
    same = [
        digest(photos / f"{one}.jpg") == digest(photos / f"{other}.jpg") for one, other in copies
    ]
    assert same.count(True) == same.count(False) == written.n_products


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_equal_seeds_draw_equal_photos() -> None:
    product = products(2)[8]
    once, again, other = (
        [photo["data"] for photo in _photos_of(product, 0, np.random.default_rng(seed))]
        for seed in (1, 1, 2)
    )
    assert once == again
    assert once != other
