"""The model of categories: what does not matter in a text, limits, files, and promotion."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning.category_fit import (
    FLOOR,
    NEVER,
    TextExamples,
    choose_limit,
    fit_category_text,
)
from imgassets.learning.category_rows import grouped
from imgassets.learning.category_text import CategoryText, plain
from imgassets.learning.category_training import MODEL, answer_products, train_category
from imgassets.learning.registry import ModelRegistry
from imgassets.settings import CategorySettings
from tests.learning.category_cases import TEXT, product_texts

WANTED = CategorySettings()


def examples(texts: pl.DataFrame) -> TextExamples:
    told = {name: texts[name].to_list() for name in texts.columns}
    return TextExamples(
        told["title"], told["description"], told["category"], told["product_id"],
        told["product_id"],
    )  # fmt: skip


@pytest.fixture(scope="module")
def model() -> CategoryText:
    return fit_category_text(examples(product_texts()), min_precision=0.98)


def with_group(texts: pl.DataFrame, group: str | None = None) -> pl.DataFrame:
    return texts.with_columns(group_id=pl.lit(group, pl.String))


def test_new_products_are_answered_rightly_and_surely(model: CategoryText) -> None:
    answered = answer_products(model, product_texts(seed=1))
    right = answered["answer"] == answered["category"]
    assert right.mean() > 0.95
    assert answered.filter("sure").height > 0.9 * answered.height
    assert (answered["answer"] == answered["category"]).filter(answered["sure"]).all()


@pytest.mark.parametrize(
    "title",
    [
        "ZOLTAN TEE, BLUE",
        "Luma Zoltan Tee, Blue",
        "  zoltan\n tee,   BLUE ",
        "<b>Zoltan</b> <i class='x'>Tee</i>, Blue",
        "Zoltan&nbsp;Tee, Blue",
        "Zoltan Ｔｅｅ, Blue",
    ],
)
def test_spelling_does_not_matter(model: CategoryText, title: str) -> None:
    p, known = model.predict_proba(["Zoltan Tee, Blue", title], [None, ""])
    assert known.min() > 0
    np.testing.assert_allclose(p[0], p[1], atol=1e-6)
    assert model.classes[p[0].argmax()] == "tees"


def test_a_brand_in_front_of_some_titles_of_every_category_is_passed_over(
    model: CategoryText,
) -> None:
    assert "luma" in model.features.passed_over
    assert not {"tee", "pant", "watch", "bag"} & model.features.passed_over


def test_a_cut_description_and_none_give_the_same_category(model: CategoryText) -> None:
    text = "Padded straps, a zipped compartment and a carry handle for long days out there."
    p, _ = model.predict_proba(["Zim Backpack"] * 3, [text, text[:30], None])
    assert {model.classes[i] for i in p.argmax(axis=1)} == {"bags"}


def test_texts_are_brought_to_one_form() -> None:
    assert plain("<p>ﬁne &amp; STRASSE\n<br/>“é”</p>") == "fine & strasse “é”"
    assert plain("5 < 6 > 4") == "5 4", "what looks like a tag is one"
    assert plain(None) == ""


@pytest.mark.parametrize("title", [None, "", "  ", "<br>", "!!!", "Ωμέγα 8472"])
def test_a_text_without_a_known_word_is_told_apart(model: CategoryText, title: str | None) -> None:
    _, known = model.predict_proba([title], [None])
    assert known.tolist() == [0]
    assert model.predict_proba([], [])[0].shape == (0, 4)


def test_probabilities_are_calibrated_where_labels_are_noisy() -> None:
    noisy = fit_category_text(examples(product_texts(30, mislabelled=0.4)), min_precision=0.98)
    p, _ = noisy.predict_proba(*(product_texts(30, seed=2)[c].to_list() for c in
                                 ("title", "description")))  # fmt: skip
    # About 70 % of the labels say what the texts do: one in four strays hit their own category.
    assert 0.5 < p.max(axis=1).mean() < 0.85
    assert noisy.limit > FLOOR


def test_a_fit_is_the_same_twice_and_in_any_order(model: CategoryText) -> None:
    shuffled = product_texts().sample(fraction=1.0, shuffle=True, seed=3)
    again = fit_category_text(examples(shuffled), min_precision=0.98)
    np.testing.assert_array_equal(again.weight, model.weight)
    assert (again.limit, again.temperature) == (model.limit, model.temperature)


def test_a_saved_model_answers_alike(model: CategoryText, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = CategoryText.load(tmp_path)
    asked = (["Zoltan Tee", "Zim Watch", ""], ["Cotton", None, None])
    for mine, its in zip(model.predict_proba(*asked), loaded.predict_proba(*asked), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_a_damaged_file_is_an_error_with_the_remedy(model: CategoryText, tmp_path: Path) -> None:
    model.save(tmp_path)
    described = json.loads((tmp_path / "category.json").read_text())
    described["vocabulary"]["title_words"].pop()
    (tmp_path / "category.json").write_text(json.dumps(described))
    with pytest.raises(ValueError, match=r"no readable model of categories.*train again"):
        CategoryText.load(tmp_path)


def test_one_category_and_texts_without_words_are_refused() -> None:
    tees = product_texts().filter(pl.col("category") == "tees")
    with pytest.raises(ValueError, match="needs two of them at least; found tees"):
        fit_category_text(examples(tees), min_precision=0.98)
    blank = product_texts().with_columns(title=pl.lit("!"), description=pl.lit("?"))
    with pytest.raises(ValueError, match="hold no word twice"):
        fit_category_text(examples(blank), min_precision=0.98)


def test_the_limit_is_the_least_that_is_precise_enough_in_every_folding() -> None:
    p = np.array([0.55, 0.6, 0.7, 0.7, 0.8, 0.9, 0.95])
    ones = np.ones(7)
    wrong_below = np.array([True, False, True, True, True, True, True])
    assert choose_limit([(p, wrong_below, ones)], 1.0) == 0.7
    assert choose_limit([(p, wrong_below, ones)], 0.85) == FLOOR
    assert choose_limit([(p, np.zeros(7, bool), ones)], 0.5) == NEVER
    tie = np.array([True, True, True, False, True, True, True])
    assert choose_limit([(p, tie, ones)], 1.0) == NEVER, "three answers are too few to believe"
    unsure = (np.array([0.75, 0.72]), np.array([False, True]), np.ones(2))
    assert choose_limit([(p, ones > 0, ones), unsure], 1.0) == NEVER
    assert choose_limit([(p, ones > 0, ones), unsure], 0.5) == FLOOR
    low = (np.array([0.58, 0.4]), np.array([False, False]), np.ones(2))
    assert choose_limit([(p, ones > 0, ones), low], 1.0) == 0.6, "new groups are all unsure"


def test_products_told_alike_share_a_group_and_labels_name_it() -> None:
    text = "A long description of one style, " + "which all of its colours share, " * 4
    rows = [
        ("a-blue", "tees", "A", text, None),
        ("a-red", "tees", "A", f"<p>{text.upper()}</p> And more.", None),
        ("a-red", "tees", "A2", "Other words from another supplier.", None),
        ("b", "tees", "A", "short", None),
        ("c", "tees", "C", None, "style-c"),
    ]
    schema = dict.fromkeys([*TEXT, "group_id"], pl.String)
    found = grouped(pl.DataFrame(rows, schema, orient="row"))
    groups = dict(found.select("product_id", "group_id").unique().iter_rows())
    assert found.height == len(rows)
    assert len(groups) == 4, "a product has one group"
    assert groups["a-blue"] == groups["a-red"]
    assert (groups["b"], groups["c"]) == ("b", "style-c")
    named = grouped(pl.DataFrame([(*rows[0][:4], "style-a"), *rows[1:]], schema, orient="row"))
    assert set(named.filter(pl.col("product_id").str.starts_with("a"))["group_id"]) == {"style-a"}


def test_training_registers_promotes_and_makes_no_second_version_of_the_same(
    registry: ModelRegistry,
) -> None:
    texts = with_group(product_texts())
    first = train_category(texts, registry, 7, WANTED)
    assert first.promoted
    assert first.metrics["accuracy"] == 1.0
    assert first.version.tags["snapshot_id"] == "7"
    again = train_category(texts.reverse(), registry, 8, WANTED)
    assert not again.retrained
    assert [made.version for made in registry.versions(MODEL)] == [1]

    folder = registry.download(MODEL, 1)
    card = (folder / "card.md").read_text()
    assert "Predicts a product's category" in card
    assert "| tees |" in card
    assert CategoryText.load(folder / "evaluated").info["train_products"]

    worse = train_category(with_group(product_texts(mislabelled=0.6)), registry, 9, WANTED)
    assert worse.retrained
    assert not worse.promoted
    assert "champion 1" in worse.explanation
    champion = registry.champion(MODEL)
    assert champion is not None
    assert champion.version == 1


def test_what_cannot_be_learnt_from_is_left_out_and_said(registry: ModelRegistry) -> None:
    texts = product_texts(4)
    twice = texts.filter(pl.col("product_id") == "p001").with_columns(category=pl.lit("bags"))
    odd = texts.head(1).with_columns(product_id=pl.lit("x"), category=pl.lit("kites"))
    report = train_category(with_group(pl.concat([texts, twice, odd])), registry, 1, WANTED)
    assert "left out: 1 products of which feeds name several categories" in report.notes
    assert "left out 'kites': 1 products, 3 are needed" in report.notes
    with pytest.raises(ValueError, match="needs two categories with at least 3 products"):
        train_category(with_group(texts.filter(category="tees")), registry, 1, WANTED)
