from __future__ import annotations

import dataclasses
import itertools

import polars as pl
import pytest

from imgassets.learning.flag_training import split_examples
from imgassets.learning.synthetic import DEFECTS
from imgassets.moderation.flags import Flag, builtin_flags
from imgassets.operations.flag_examples import (
    catalog_images,
    flag_examples,
    render_example,
    synthetic_jobs,
)
from imgassets.operations.pixels import load_squares
from imgassets.settings import LearningSettings, Settings, VisionSettings
from imgassets.vision.backbones import signals_version
from imgassets.vision.inputs import InputSpec
from imgassets.warehouse.contracts import DefectExamples, FlagLabels
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.small_catalog import SmallCatalog

BLURRY = builtin_flags()["blurry"]
PLAIN = dataclasses.replace(BLURRY, defects=())
"""The same flag without synthetic examples, which take seconds to make."""

SMALL = builtin_flags()["small_object"]
WEAPON = builtin_flags()["weapon"]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> SmallCatalog:
    return SmallCatalog.draw(tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    return Settings(
        home=tmp_path_factory.mktemp("home"),
        vision=VisionSettings(workers=2),
        learning=LearningSettings(max_sources=12),
    )


@pytest.fixture(scope="module")
def filled(catalog, settings) -> Warehouse:
    return catalog.fill(settings)


@pytest.fixture
def labelled(filled, catalog):
    """Return a function that replaces all flag labels; they are gone after the test."""

    def replace(*parts: pl.DataFrame) -> None:
        empty = FlagLabels.create_empty()
        rows = pl.concat(parts) if parts else empty
        filled.replace([Replacement(FlagLabels, rows)], CommitMessage(asset="test"))

    yield replace
    replace()


@pytest.fixture
def grow(filled, catalog, settings):
    """Return a function: (flag, weights of stages …) → examples; settings may differ."""

    def examples(flag: Flag = BLURRY, weights=(), progress=None, finds=(), **learning):
        of = settings.model_copy(update={"learning": settings.learning.model_copy(update=learning)})
        images = catalog_images(filled, signals_version(settings.vision))
        return flag_examples(flag, images, filled, catalog.store, of, weights, progress, finds)

    return examples


def by_origin(examples: pl.DataFrame, origin: str) -> pl.DataFrame:
    return examples.filter(pl.col("origin") == origin)


def test_every_image_of_the_catalog_once(filled, catalog, settings) -> None:
    images = catalog_images(filled, signals_version(settings.vision))
    assert images["image_id"].to_list() == sorted(catalog.images["image_id"].unique())
    assert set(images["group_id"]) <= set(catalog.images["style"])
    assert images["products_sharing"].max() > 2, "placeholders stand for several products"
    assert catalog_images(filled, "other signals").is_empty()


class TestReal:
    def test_labels_are_examples_with_their_group_and_split(self, grow, labelled, catalog) -> None:
        train, held = catalog.of("blurry")[:2], catalog.of("blurry", "")[-10:]
        labelled(catalog.labels(train, "blurry"), catalog.labels(held, "blurry", split="holdout"))
        real = by_origin(grow(PLAIN), "label")
        wanted = pl.concat([train, held]).select("image_id", group_id="style").unique()
        assert real.join(wanted, on=["image_id", "group_id"]).height == real.height
        assert set(real["image_id"]) == set(wanted["image_id"])
        assert set(real.filter(pl.col("split") == "holdout")["image_id"]) == set(held["image_id"])
        truth = dict(catalog.images.select("image_id", "defects").iter_rows())
        assert all(
            value == (truth[image] == "blurry")
            for image, value in real.select("image_id", "value").iter_rows()
        )

    def test_unjudged_images_that_keep_the_rules_pass_for_good(
        self, grow, labelled, catalog
    ) -> None:
        labelled(catalog.labels(catalog.of("blurry"), "blurry"))
        presumed = by_origin(grow(PLAIN), "presumed")
        assert presumed.height > 40
        assert not presumed["value"].any()
        assert not presumed["rule_answer"].any()
        for spoilt in ("blurry", "low_resolution", "small_object"):
            assert not set(presumed["image_id"]) & set(catalog.of(spoilt)["image_id"]), spoilt

    def test_an_image_that_deserves_another_flag_is_not_presumed_good(
        self, grow, labelled, catalog
    ) -> None:
        badges = catalog.of("promo_badge")
        assert set(badges["image_id"]) <= set(by_origin(grow(PLAIN), "presumed")["image_id"])
        labelled(catalog.labels(badges, "promo_badge"))
        examples = grow(PLAIN)
        assert not set(badges["image_id"]) & set(examples["image_id"])

    def test_what_an_earlier_round_was_sure_of_is_a_positive(self, grow, labelled, catalog) -> None:
        judged, found = catalog.of("blurry")["image_id"].unique().sort()[:2]
        labelled(catalog.labels(catalog.images.filter(pl.col("image_id") == judged), "weapon"))
        examples = grow(WEAPON, finds=[judged, found])
        confident = by_origin(examples, "confident")
        assert confident.select("image_id", "value").rows() == [(found, True)]
        assert by_origin(examples, "label").select("image_id", "value").rows() == [(judged, False)]

    def test_the_rule_of_that_name_answers(self, grow, labelled, catalog) -> None:
        labelled(catalog.labels(catalog.of("blurry"), "blurry"))
        said = by_origin(grow(PLAIN), "label")
        assert said.filter("value")["rule_answer"].any()
        weapons = grow(WEAPON)
        assert weapons["rule_answer"].null_count() == weapons.height

    def test_a_flag_without_defects_has_no_synthetic_examples(self, grow) -> None:
        assert set(grow(WEAPON)["origin"]) == {"presumed"}


class TestSynthetic:
    def test_own_kinds_deserve_the_flag_and_no_other_does(self, grow) -> None:
        made = by_origin(grow(), "synthetic")
        kinds = {name: DEFECTS[name].flag for name in set(made["kind"])}
        for kind, value in made.select("kind", "value").unique().iter_rows():
            assert value == (kinds[kind] == "blurry"), kind
        assert "" in set(kinds.values()), "harmless variations are examples, too"
        assert "placeholder" not in set(kinds.values()), "a blurred icon: nobody can say"
        assert len(set(kinds.values())) > 3
        assert made["severity"].min() >= 0.2

    def test_they_stand_in_their_source_s_group(self, grow) -> None:
        examples = grow()
        real = dict(by_origin(examples, "presumed").select("image_id", "group_id").iter_rows())
        made = by_origin(examples, "synthetic")
        assert [real[i] for i in made["image_id"]] == made["group_id"].to_list()
        parts = split_examples(examples, 0)
        assert not set(parts.train["image_id"]) & set(parts.test["image_id"])

    def test_sources_are_good_and_held_out_by_nobody(self, grow, labelled, catalog) -> None:
        before = set(by_origin(grow(), "synthetic")["image_id"])
        assert before <= set(by_origin(grow(PLAIN), "presumed")["image_id"])
        held = catalog.images.filter(pl.col("image_id") == min(before))
        labelled(catalog.labels(held, "weapon", split="holdout"))
        after = set(by_origin(grow(), "synthetic")["image_id"])
        assert len(after) == len(before) == 12
        assert after > before - {min(before)}
        assert min(before) not in after

    def test_what_is_made_is_kept(self, grow, filled) -> None:
        first = grow()
        kept = filled.read(DefectExamples)
        calls: list[tuple[int, int]] = []
        assert grow(progress=lambda done, total: calls.append((done, total))).equals(first)
        assert calls == [], "nothing is rendered again"
        assert filled.read(DefectExamples).equals(kept)

    def test_another_flag_shares_the_sources_and_their_variations(self, grow) -> None:
        blurry, small = (
            by_origin(grow(flag), "synthetic").select("example_id", "kind", "value")
            for flag in (BLURRY, SMALL)
        )
        both = blurry.join(small, on="example_id")
        shared = {DEFECTS[kind].flag for kind in both["kind"]}
        assert "" in shared
        opposite = both.filter(pl.col("value") != pl.col("value_right"))
        assert set(opposite["kind"]) <= {
            name for name, defect in DEFECTS.items() if defect.flag in ("blurry", "small_object")
        }

    def test_several_views_are_those_of_one_product(self, grow, filled, catalog) -> None:
        views = dataclasses.replace(builtin_flags()["multi_view"], defects=("multi_view",))
        made = by_origin(grow(views, max_sources=4), "synthetic").filter("value")
        assert {DEFECTS[kind].flag for kind in made["kind"]} == {"multi_view"}
        jobs = synthetic_jobs(made, filled).filter(pl.col("others").list.len() > 0)
        assert jobs.height, "some products have several images"
        product = dict(catalog.images.select("image_id", "product_id").iter_rows())
        for image, others in jobs.select("image_id", "others").iter_rows():
            assert image not in others
            assert {product[other] for other in others} == {product[image]}

    def test_a_stage_adds_to_the_one_before(self, grow) -> None:
        weights = [{"motion_blur": 10.0}, {"defocus": 10.0}]
        stages = [grow(weights=weights[:n]) for n in range(3)]
        for before, after in itertools.pairwise(stages):
            assert before.join(after, on="example_id", how="semi").height == before.height
            added = after.join(before, on="example_id", how="anti")
            assert 0 < added.height <= 2 * 12
            assert set(added["origin"]) == {"synthetic"}

    def test_more_sources_change_no_earlier_example(self, grow) -> None:
        few = by_origin(grow(max_sources=8), "synthetic")
        many = by_origin(grow(), "synthetic")
        assert set(few["image_id"]) < set(many["image_id"])
        assert few.join(many, on="example_id", how="semi").height == few.height

    def test_progress_counts_to_the_end(self, grow, filled) -> None:
        empty = Replacement(DefectExamples, DefectExamples.create_empty())
        filled.replace([empty], CommitMessage(asset="test"))
        calls: list[tuple[int, int]] = []
        made = by_origin(grow(progress=lambda *call: calls.append(call)), "synthetic")
        assert calls[-1] == (made.height, made.height)


def test_a_source_that_is_gone_stops_with_its_name(grow, catalog, tmp_path, filled, settings):
    from imgassets.ingest.store import ImageMissing, ImageStore

    elsewhere = dataclasses.replace(catalog, store=ImageStore(str(tmp_path)))
    images = catalog_images(filled, signals_version(settings.vision))
    of = settings.model_copy(update={"seed": 77})
    with pytest.raises(ImageMissing, match="is not in the image store"):
        flag_examples(BLURRY, images, filled, elsewhere.store, of)


def test_pictures_of_examples_of_both_origins(grow, catalog, filled, settings) -> None:
    examples = grow()
    made = by_origin(examples, "synthetic")["example_id"][:3].to_list()
    real = by_origin(examples, "presumed")["example_id"][:2].to_list()
    wanted = [real[0], *made, real[1]]
    jobs = synthetic_jobs(pl.DataFrame({"example_id": wanted}), filled)
    assert set(jobs["example_id"]) == set(made)
    with render_example(catalog.store, jobs, settings) as load:
        squares = load_squares(wanted, load, settings.vision, InputSpec(48, "pad"))
        again = load_squares(wanted[::-1], load, settings.vision, InputSpec(48, "pad"))
    assert squares.shape == (5, 48, 48, 3)
    assert (squares == again[::-1]).all(), "in the order asked for"
    assert len({square.tobytes() for square in squares}) == 5


def test_a_picture_that_does_not_decode_is_named(settings) -> None:
    with pytest.raises(RuntimeError, match="image abc does not decode any more"):
        load_squares(["abc"], lambda _: b"no picture", settings.vision, InputSpec(48, "pad"))
