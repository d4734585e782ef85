from __future__ import annotations

import cv2
import numpy as np
import polars as pl
import pytest

from imgassets.learning.ranking.examples import (
    JOB_SCHEMA,
    SEVERITIES,
    choose_sources,
    held_out_groups,
    plan_examples,
)
from imgassets.learning.ranking.rendering import fulfil, order
from imgassets.learning.synthetic.distortions import TRAINED, UNSEEN, distort
from imgassets.vision.decode import Undecodable, decode
from tests.learning.ranking_cases import sources


class TestSources:
    def test_half_are_studio_images_where_there_are_as_many(self) -> None:
        chosen = choose_sources(sources(20, 20, 9), 12, seed=0)
        counts = chosen.group_by("origin", "good").len().sort("origin", "good")
        assert counts.rows() == [("review", False, 3), ("review", True, 6), ("studio", True, 6)]

    @pytest.mark.parametrize(("studio", "good"), [(2, 20), (20, 2), (0, 20), (20, 0)])
    def test_one_origin_fills_up_for_the_other(self, studio, good) -> None:
        chosen = choose_sources(sources(studio, good, 0), 12, seed=0)
        assert chosen.height == 12
        assert chosen.filter(pl.col("origin") == "studio").height in (studio, 10, 12)

    def test_more_images_and_another_order_change_little(self) -> None:
        few = choose_sources(sources(8, 8, 4), 10, seed=3)
        assert few.equals(choose_sources(sources(8, 8, 4).reverse(), 10, seed=3))
        assert not few.equals(choose_sources(sources(8, 8, 4), 10, seed=4))


class TestPlan:
    def test_unseen_families_are_made_for_held_out_groups_alone(self) -> None:
        jobs = plan_examples(sources(), {"studio-1", "review-0"}, 0, "v")
        assert jobs.schema == JOB_SCHEMA
        held = pl.col("group_id").is_in(["studio-1", "review-0"])
        assert not set(jobs.filter(~held)["family"]) & set(UNSEEN)
        assert set(jobs.filter(held)["family"]) == {"", *TRAINED, *UNSEEN}

    def test_bad_photos_are_measured_as_they_are(self) -> None:
        of = sources()
        jobs = plan_examples(of, set(), 0, "v")
        bad = of.filter(~pl.col("good"))["image_id"]
        assert set(jobs.filter(pl.col("source_image_id").is_in(bad.to_list()))["family"]) == {""}
        assert jobs.height == of.height + 11 * len(TRAINED) * len(SEVERITIES)

    def test_one_distortion_has_one_seed_at_all_severities(self) -> None:
        jobs = plan_examples(sources(), set(), 0, "v").filter(pl.col("family") != "")
        seeds = jobs.group_by("source_image_id", "family").agg(pl.col("seed").n_unique())
        assert set(seeds["seed"]) == {1}
        assert jobs["seed"].n_unique() > 50

    def test_ids_follow_from_image_family_seed_and_features(self) -> None:
        few, many = (plan_examples(sources(n), {"studio-0"}, 0, "v") for n in (3, 6))
        assert few.join(many, on="example_id", how="semi").height == few.height
        for other in (
            plan_examples(sources(), set(), 1, "v"),
            plan_examples(sources(), set(), 0, "w"),
        ):
            distorted = other.filter(pl.col("family") != "")
            assert distorted.join(many, on="example_id", how="semi").is_empty()

    def test_a_group_keeps_its_side_when_others_are_added(self) -> None:
        some = {f"style {i}" for i in range(30)}
        more = some | {f"style {i}" for i in range(30, 60)}
        held = held_out_groups(some, 0.3, 0)
        assert held == held_out_groups(more, 0.3, 0) & some
        with pytest.raises(ValueError, match="at least two"):
            held_out_groups({"one"}, 0.3, 0)


class TestRendering:
    @pytest.fixture(scope="class")
    def file(self) -> bytes:
        rng = np.random.default_rng(0)
        picture = cv2.resize(rng.integers(0, 256, (12, 9, 3), dtype=np.uint8), (600, 800))
        return cv2.imencode(".jpg", picture)[1].tobytes()

    def test_originals_and_variants_are_alike_files_of_working_size(self, file) -> None:
        plain, spoilt = fulfil(order(file, "", 0.0, 0)), fulfil(order(file, "rotation", 1.0, 3))
        assert plain[:8] == spoilt[:8] == b"\x89PNG\r\n\x1a\n"
        assert (decode(plain) == decode(file)).all()
        assert (decode(spoilt) == distort(decode(file), "rotation", 1.0, 3)).all()
        assert decode(plain).shape == (400, 300, 3)

    def test_what_does_not_decode_is_refused_as_a_value(self) -> None:
        assert isinstance(fulfil(order(b"no picture", "jpeg", 0.5, 1)), Undecodable)
