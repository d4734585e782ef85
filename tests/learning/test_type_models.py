"""Answering: which model types an image, and who overrules it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning.type_models import TypeModels, load_type_models, predict_types
from imgassets.learning.type_net import TypeNet
from imgassets.learning.type_scopes import GLOBAL, Scope, chain, scope_of_model
from imgassets.learning.versions import model_versions
from imgassets.settings import TypeSettings
from imgassets.warehouse.contracts import ImageTypes

TEES, TOPS = Scope("category", "tees"), Scope("vertical", "tops")


def settings(**limits: float) -> TypeSettings:
    return TypeSettings(**{"min_probability": 0.0, **limits})  # type: ignore[arg-type]


def to_type(labelled: pl.DataFrame) -> pl.DataFrame:
    return labelled.with_columns(day=date(2026, 1, 5)).drop("image_type", "group_id")


def fixed(p: dict[str, float]) -> TypeNet:
    """Return a network that always answers `p`."""
    classes = sorted(p)
    bias = np.log([p[name] for name in classes]).astype(np.float32)
    return TypeNet("logistic", classes, [(np.zeros((24, len(p)), np.float32), bias)], [], "v1", {})


def categories(**rows: tuple[str | None, list[str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(name, *row) for name, row in rows.items()],
        schema={"category": pl.String, "vertical": pl.String, "types": pl.List(pl.String)},
        orient="row",
    )


def models(by_scope: dict[Scope, TypeNet], **rows: tuple[str | None, list[str]]) -> TypeModels:
    return TypeModels({s: (net, "4") for s, net in by_scope.items()}, categories(**rows))


FRONTS = fixed({"front": 0.9, "back": 0.1})
BACKS = fixed({"front": 0.1, "back": 0.9})


def test_names_of_models_lead_back_to_their_scopes() -> None:
    for scope in (GLOBAL, TOPS, TEES, Scope("category", "a.vertical.b")):
        assert scope_of_model(scope.model) == scope
    assert scope_of_model("blurry") is None
    assert chain("tees", "tops") == (TEES, TOPS, GLOBAL)
    assert chain("tees", None) == (TEES, GLOBAL)


class TestWhoAnswers:
    @pytest.mark.parametrize(
        ("present", "answered_by"),
        [
            ([TEES, TOPS, GLOBAL], "category tees"),
            ([TOPS, GLOBAL], "vertical tops"),
            ([GLOBAL], "global"),
            ([], ""),
        ],
    )
    def test_the_closest_model(self, present, answered_by, make_labelled) -> None:
        found = predict_types(
            to_type(make_labelled()).filter(pl.col("category") == "tees"),
            models(dict.fromkeys(present, FRONTS), tees=("tops", [])),
            settings(),
        )
        assert set(found["answered_by"]) == {answered_by}
        assert set(found["image_type"]) == {"front" if present else "untyped"}
        assert set(found["model_version"]) == {"4" if present else ""}

    def test_each_category_has_its_own(self, make_labelled) -> None:
        images = to_type(make_labelled())
        found = predict_types(images, models({TEES: BACKS, GLOBAL: FRONTS}), settings())
        assert found["image_id"].to_list() == images["image_id"].to_list()
        by = found.group_by("category").agg(pl.col("image_type", "answered_by").unique())
        assert sorted(by.rows()) == [("pants", ["front"], ["global"]),
                                     ("tees", ["back"], ["category tees"])]  # fmt: skip

    def test_types_that_a_category_does_not_have_are_not_answered(self, make_labelled) -> None:
        net = fixed({"front": 0.6, "back": 0.3, "none": 0.1})
        found = predict_types(
            to_type(make_labelled()), models({GLOBAL: net}, tees=(None, ["back"])), settings()
        )
        of_tees = found.filter(pl.col("category") == "tees")
        assert set(of_tees["image_type"]) == {"back"}
        assert of_tees["probability"].to_list() == pytest.approx([0.75] * of_tees.height)
        assert set(found.filter(pl.col("category") == "pants")["image_type"]) == {"front"}

    def test_a_model_without_any_of_the_categorys_types_is_passed_over(self, make_labelled) -> None:
        rows = {"tees": ("tops", ["sole"]), "pants": (None, [])}
        soles = fixed({"sole": 0.8, "heel": 0.2})
        found = predict_types(
            to_type(make_labelled()), models({TOPS: FRONTS, GLOBAL: soles}, **rows), settings()
        )
        assert set(found.filter(pl.col("category") == "tees")["answered_by"]) == {"global"}

    def test_without_champion(self, new_registry, make_labelled) -> None:
        found = load_type_models(new_registry, categories(), ["tees", "pants"], "v1")
        assert not Path(new_registry.tracking_uri.removeprefix("sqlite:///")).exists()
        types = predict_types(to_type(make_labelled()), found, settings())
        assert types.select(
            "image_type", "probability", "approach", "model_version", "answered_by"
        ).unique().rows() == [("untyped", 0.0, "untyped", "", "")]
        assert model_versions(new_registry).is_empty()

    @pytest.mark.parametrize("present", [{}, {GLOBAL: FRONTS}])
    def test_empty_frame(self, present, make_labelled) -> None:
        types = predict_types(to_type(make_labelled()).clear(), models(present), settings())
        assert types.is_empty()
        ImageTypes.validate(types)


class TestLimits:
    @pytest.mark.parametrize(
        ("p", "limits", "expected", "probability"),
        [
            ({"front": 0.6, "back": 0.4}, {}, "front", 0.6),
            ({"front": 0.3, "back": 0.25, "none": 0.45}, {}, "front", 0.3),
            ({"front": 0.3, "back": 0.1, "none": 0.6}, {}, "none", 0.6),
            (
                {"front": 0.3, "back": 0.1, "none": 0.6},
                {"min_none_probability": 0.7},
                "front",
                0.3,
            ),
            ({"front": 0.6, "back": 0.4}, {"min_probability": 0.7}, "unsure", 0.6),
            ({"front": 0.2, "none": 0.8}, {"min_none_probability": 0.1}, "none", 0.8),
        ],
    )
    def test_limits(self, p, limits, expected, probability, make_labelled) -> None:
        images = to_type(make_labelled()).head(3)
        types = predict_types(images, models({GLOBAL: fixed(p)}), settings(**limits))
        assert set(types["image_type"]) == {expected}
        assert types["probability"].to_list() == pytest.approx([probability] * 3, abs=1e-5)
        guess = "front" if expected == "unsure" else expected
        assert set(types["best_guess"]) == {guess}

    def test_other_backbone_is_refused(self, make_labelled) -> None:
        images = to_type(make_labelled()).with_columns(embedding=pl.lit([1.0, 2.0]))
        with pytest.raises(ValueError, match="takes embeddings of 24 numbers"):
            predict_types(images, models({GLOBAL: FRONTS}), settings())

    def test_embeddings_of_several_lengths_are_refused(self, make_labelled) -> None:
        images = to_type(make_labelled())
        uneven = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit([1.0])).otherwise("embedding")
        with pytest.raises(ValueError, match="must have one length"):
            predict_types(
                images.with_columns(embedding=uneven), models({GLOBAL: FRONTS}), settings()
            )


class TestWhoOverrules:
    def test_peoples_word_stands(self, make_labelled) -> None:
        images = to_type(make_labelled())
        first = images.row(0, named=True)
        told = pl.DataFrame({**{k: [first[k]] for k in ("product_id", "image_id")},
                             "image_type": ["closeup"]})  # fmt: skip
        found = predict_types(images, models({GLOBAL: FRONTS}), settings(), told=told)
        row = found.row(0, named=True)
        assert (row["image_type"], row["answered_by"], row["probability"]) == (
            "closeup", "people", 1.0,
        )  # fmt: skip
        assert row["best_guess"] == "front", "what the model would have said"
        assert set(found["answered_by"][1:]) == {"global"}

    def test_shared_types_come_before_views(self, make_labelled) -> None:
        images = to_type(make_labelled())
        shared = (
            images.select("day", "category", "image_id")
            .head(5)
            .with_columns(
                image_type=pl.lit("size_chart"),
                probability=pl.lit(0.97, pl.Float32),
                model_version=pl.lit("size_chart:2"),
            )
        )
        found = predict_types(images, models({GLOBAL: FRONTS}), settings(), shared=shared)
        assert found["image_type"].to_list()[:6] == ["size_chart"] * 5 + ["front"]
        assert set(found["answered_by"][:5]) == {"shared size_chart"}
        assert set(found["model_version"][:5]) == {"size_chart:2"}
        assert set(found["best_guess"]) == {"front"}
