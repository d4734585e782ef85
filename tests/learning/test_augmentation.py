from __future__ import annotations

import polars as pl
import pytest

from imgassets.learning.augmentation import (
    JOB_SCHEMA,
    MOST_OTHERS,
    all_kinds,
    deal_kinds,
    harder_weights,
    kinds_of,
    pick_sources,
    plan_examples,
)
from imgassets.learning.synthetic import DEFECTS
from imgassets.moderation.flags import builtin_flags

IMAGES = [f"{number:064x}" for number in range(40)]


def contains(larger: pl.DataFrame, smaller: pl.DataFrame) -> bool:
    return larger.join(smaller, on=smaller.columns, how="semi").height == smaller.height


class TestPlan:
    def test_the_same_plan_whatever_the_order_and_the_repeats(self) -> None:
        plan = plan_examples(IMAGES, {"blurry": 1, "": 2}, 0)
        assert plan.schema == JOB_SCHEMA
        assert plan.equals(plan_examples(IMAGES[::-1], {"": 2, "blurry": 1}, 0))
        assert plan.height == plan["example_id"].n_unique() == 40 * 3

    def test_more_sources_keep_earlier_draws(self) -> None:
        few = plan_examples(IMAGES[::2], {"blurry": 2}, 0)
        assert contains(plan_examples(IMAGES, {"blurry": 2}, 0), few)

    def test_more_draws_and_other_kinds_keep_earlier_draws(self) -> None:
        first = plan_examples(IMAGES, {"blurry": 1}, 0)
        assert contains(plan_examples(IMAGES, {"blurry": 3, "border": 1}, 0), first)

    def test_later_draws_are_others(self) -> None:
        first = plan_examples(IMAGES, {"blurry": 1}, 0)
        later = plan_examples(IMAGES, {"blurry": 1}, 0, first=1)
        assert first.join(later, on="example_id").is_empty()
        both = plan_examples(IMAGES, {"blurry": 2}, 0)
        assert both.equals(pl.concat([first, later]).sort("example_id"))

    def test_another_seed_is_another_plan(self) -> None:
        one, other = (plan_examples(IMAGES, {"blurry": 1}, seed) for seed in (0, 1))
        assert one.join(other, on="example_id").is_empty()

    def test_each_example_has_a_seed_of_its_own(self) -> None:
        plan = plan_examples(IMAGES, {"blurry": 3}, 0)
        assert plan["seed"].n_unique() == plan.height
        assert plan["severity"].n_unique() > plan.height / 2

    def test_no_defect_is_too_slight_to_see(self) -> None:
        plan = plan_examples(IMAGES, dict.fromkeys(all_kinds(), 3), 0)
        assert plan["severity"].min() >= 0.2  # type: ignore[operator]
        assert plan["severity"].max() <= 1  # type: ignore[operator]
        assert plan["severity"].max() > 0.9  # type: ignore[operator]

    def test_every_defect_of_a_kind_is_drawn(self) -> None:
        plan = plan_examples(IMAGES, {"blurry": 2}, 0)
        assert set(plan["defect"]) == set(kinds_of(["blurry"])["blurry"])

    def test_weights_draw_more(self) -> None:
        plan = plan_examples(IMAGES, {"blurry": 2}, 0, {"motion_blur": 10.0})
        plain = plan_examples(IMAGES, {"blurry": 2}, 0)
        counts = [(p["defect"] == "motion_blur").sum() for p in (plan, plain)]
        assert counts[0] > 2 * counts[1]

    def test_no_sources_no_jobs(self) -> None:
        assert plan_examples([], {"blurry": 1}, 0).schema == JOB_SCHEMA


class TestSources:
    images = pl.DataFrame(
        {"image_id": IMAGES, "category": ["mugs"] * 30 + ["tees"] * 8 + ["vases"] * 2}
    )

    def test_categories_take_turns(self) -> None:
        chosen = pick_sources(self.images, 12, 0)
        assert dict(chosen["category"].value_counts().iter_rows()) == {
            "mugs": 5, "tees": 5, "vases": 2,
        }  # fmt: skip

    def test_the_choice_is_the_seed_s(self) -> None:
        chosen = pick_sources(self.images, 12, 0)
        assert chosen.equals(pick_sources(self.images.reverse(), 12, 0))
        assert not chosen.equals(pick_sources(self.images, 12, 1))

    def test_a_larger_choice_holds_the_smaller(self) -> None:
        assert contains(pick_sources(self.images, 20, 0), pick_sources(self.images, 12, 0))

    def test_there_may_be_fewer(self) -> None:
        assert pick_sources(self.images, 1000, 0).height == 40
        assert pick_sources(self.images.clear(), 5, 0).is_empty()


class TestDeal:
    kinds = ("border", "collage", "promo_badge", "watermark")

    def kind_of(self, images, kinds, seed=0) -> dict[str, str]:
        dealt = deal_kinds(images, kinds, seed)
        assert list(dealt) == list(kinds)
        return {image: kind for kind, images in dealt.items() for image in images}

    def test_every_image_gets_one_kind_and_every_kind_images(self) -> None:
        dealt = deal_kinds(IMAGES, self.kinds, 0)
        assert sorted(image for images in dealt.values() for image in images) == IMAGES
        assert min(map(len, dealt.values())) >= 4

    def test_other_images_change_nothing(self) -> None:
        every, some = self.kind_of(IMAGES, self.kinds), self.kind_of(IMAGES[::3], self.kinds)
        assert every.items() >= some.items()

    def test_a_kind_less_moves_its_own_images_only(self) -> None:
        every, fewer = self.kind_of(IMAGES, self.kinds), self.kind_of(IMAGES, self.kinds[1:])
        assert all(fewer[i] == kind for i, kind in every.items() if kind != "border")

    def test_another_seed_deals_otherwise(self) -> None:
        assert self.kind_of(IMAGES, self.kinds) != self.kind_of(IMAGES, self.kinds, 1)

    def test_nothing_to_deal(self) -> None:
        assert deal_kinds(IMAGES, [], 0) == {}
        assert deal_kinds([], ["border"], 0) == {"border": []}


class TestHarderWeights:
    answered = pl.DataFrame(
        [("motion_blur", True, False), ("motion_blur", True, True), ("defocus", True, True),
         ("denoise", False, True), ("", False, True)],
        schema=["kind", "value", "answer"], orient="row",
    )  # fmt: skip

    def test_wrong_answers_weigh(self) -> None:
        assert harder_weights(self.answered) == pytest.approx(
            {"motion_blur": 5.5, "defocus": 1.0, "denoise": 10.0}
        )

    def test_a_kind_that_was_not_drawn_keeps_its_weight(self) -> None:
        found = harder_weights(self.answered, {"defocus": 9.0, "gaussian_blur": 3.0})
        assert found["gaussian_blur"] == 3.0
        assert found["defocus"] == 1.0


SIBLINGS = {IMAGES[0]: [f"other{number}" for number in range(9)], IMAGES[1]: ["single"]}


class TestSiblings:
    def test_defects_of_several_pictures_show_some_of_the_product_s_others(self) -> None:
        plan = plan_examples(IMAGES, {"multi_view": 4}, 0, siblings=SIBLINGS)
        others = dict(plan.group_by("image_id").agg("others").iter_rows())
        assert all(1 <= len(drawn) <= MOST_OTHERS for drawn in others[IMAGES[0]])
        assert {i for drawn in others[IMAGES[0]] for i in drawn} <= {*SIBLINGS[IMAGES[0]]}
        assert others[IMAGES[1]] == [["single"]] * 4
        assert others[IMAGES[2]] == [[]] * 4

    def test_they_are_part_of_what_makes_an_example(self) -> None:
        plans = [
            plan_examples(IMAGES[:1], {"multi_view": 1}, 0, siblings=of)
            for of in (SIBLINGS, None, {IMAGES[0]: ["single"]})
        ]
        assert len({plan["example_id"].item() for plan in plans}) == 3
        assert len({plan["seed"].item() for plan in plans}) == 1, "nothing else moves"

    def test_other_defects_have_none(self) -> None:
        plain = plan_examples(IMAGES, {"blurry": 2}, 0)
        assert plan_examples(IMAGES, {"blurry": 2}, 0, siblings=SIBLINGS).equals(plain)


def test_every_kind_that_a_flag_names_is_drawn_by_somebody() -> None:
    named = {kind for flag in builtin_flags().values() for kind in (*flag.defects, *flag.unclear)}
    assert named == set(all_kinds()) - {""}
    assert all(kinds_of([kind])[kind] for kind in named)
    assert sum(map(len, kinds_of(all_kinds()).values())) == len(DEFECTS)
