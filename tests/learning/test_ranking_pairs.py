from __future__ import annotations

import polars as pl
import pytest

from imgassets.learning.ranking.examples import SEVERITIES
from imgassets.learning.ranking.pairs import (
    BAD,
    GRADED,
    PAIR_SCHEMA,
    PAIR_TYPES,
    classified,
    missing_types,
    own_pairs,
    sample_pairs,
)
from imgassets.learning.synthetic.distortions import TRAINED, UNSEEN
from tests.learning.ranking_cases import examples, sources

EVERY = (*PAIR_TYPES, GRADED)


@pytest.fixture(scope="module")
def photos() -> pl.DataFrame:
    return examples(sources(), held={"studio-0", "review-0"})


def joined(pairs: pl.DataFrame, photos: pl.DataFrame) -> pl.DataFrame:
    about = classified(photos).select(
        "example_id", "source_image_id", "severity", "photo_class", of="family"
    )
    return pairs.join(about, left_on="better_id", right_on="example_id").join(
        about, left_on="worse_id", right_on="example_id", suffix="_worse"
    )


def test_five_classes(photos) -> None:
    plain = classified(photos).filter(pl.col("family") == "")
    assert dict(plain["photo_class"].value_counts().iter_rows()) == {
        "studio image": 6, "good review photo": 5, "bad review photo": 3,
    }  # fmt: skip


def test_pairs_are_drawn_uniformly_over_the_six_types(photos) -> None:
    pairs = sample_pairs(photos, 60, seed=1)
    assert pairs.schema == PAIR_SCHEMA
    assert list(pairs["pair_type"].unique(maintain_order=True)) == list(PAIR_TYPES)
    assert pairs["pair_type"].value_counts()["count"].min() >= 7, "a few are drawn twice"
    found = joined(pairs, photos)
    for pair_type, better, worse in found.select(
        "pair_type", "photo_class", "photo_class_worse"
    ).iter_rows():
        assert PAIR_TYPES[pair_type] == (better, worse)


def test_own_types_stay_with_their_source_and_margins_are_severities(photos) -> None:
    found = joined(sample_pairs(photos, 600, seed=2), photos)
    own = found.filter(pl.col("pair_type").str.ends_with("its distortion"))
    assert own.height > 100
    assert (own["source_image_id"] == own["source_image_id_worse"]).all()
    assert (own["margin"] == own["severity_worse"]).all()
    assert (found["family"] == found["of_worse"]).all()
    assert found["margin"].is_between(0, 1).all()


def test_families_are_drawn_alike_often_and_unseen_ones_never(photos) -> None:
    pairs = sample_pairs(photos, 1200, seed=3)
    assert set(pairs["family"]) == {"", *TRAINED}
    of_reviews = pairs.filter(pl.col("pair_type") == "studio image > distorted review photo")
    counts = of_reviews["family"].value_counts()["count"]
    assert counts.max() < 2.5 * counts.min()
    some = sample_pairs(photos, 300, seed=3, families=["rotation", "jpeg"])
    assert set(some["family"]) == {"", "rotation", "jpeg"}


def test_graded_pairs_are_of_one_distortion_of_one_image(photos) -> None:
    found = joined(sample_pairs(photos, 200, seed=4, types=[GRADED]), photos)
    assert found.height > 80
    assert (found["source_image_id"] == found["source_image_id_worse"]).all()
    assert (found["of"] == found["of_worse"]).all()
    apart = found["severity_worse"] - found["severity"]
    assert (apart > 0).all()
    assert (apart - found["margin"]).abs().max() < 1e-9


def test_the_seed_decides_and_the_order_of_rows_does_not(photos) -> None:
    first = sample_pairs(photos, 120, seed=5, types=EVERY)
    assert first.equals(sample_pairs(photos.reverse(), 120, seed=5, types=EVERY))
    assert not first.equals(sample_pairs(photos, 120, seed=6, types=EVERY))


def test_types_without_photos_are_named_and_the_others_share_the_pairs(photos) -> None:
    studio = photos.filter(pl.col("origin") == "studio")
    assert missing_types(studio, EVERY) == list(PAIR_TYPES)[1:]
    pairs = sample_pairs(studio, 50, seed=0)
    assert set(pairs["pair_type"]) == {"studio image > its distortion"}
    assert missing_types(photos, EVERY) == []
    assert sample_pairs(photos.clear(), 50, seed=0).is_empty()


def test_taking_colours_away_from_a_grey_image_is_no_pair(photos) -> None:
    grey = photos.with_columns(colourfulness=pl.lit(2.0, pl.Float32))
    assert "greyscale" not in set(sample_pairs(grey, 600, seed=0)["family"])
    assert "greyscale" not in set(own_pairs(grey, TRAINED)["family"])
    assert "greyscale" in set(own_pairs(photos, TRAINED)["family"])


def test_all_own_pairs_of_families(photos) -> None:
    pairs = own_pairs(photos, UNSEEN)
    good = 4  # two studio images and two good photos are held out
    assert pairs.height == good * len(UNSEEN) * len(SEVERITIES)
    assert set(pairs["severity"]) == set(SEVERITIES)
    assert own_pairs(photos, []).is_empty()


def test_distortions_of_a_bad_photo_teach_nothing(photos) -> None:
    faulty = photos.with_columns(sharpness=pl.lit(0.1, pl.Float32))
    assert set(classified(faulty).filter(pl.col("origin") == "review")["photo_class"]) >= {BAD}
    pairs = sample_pairs(faulty, 200, seed=0)
    assert set(pairs["pair_type"]) == {
        "studio image > its distortion", "studio image > bad review photo",
    }  # fmt: skip


def test_an_unknown_type_is_refused(photos) -> None:
    with pytest.raises(ValueError, match=r"unknown type of pairs 'good > bad'.*studio image"):
        sample_pairs(photos, 10, seed=0, types=["good > bad"])
