"""Features as numbers, and heads of attributes: what they read, where they apply, how they save."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning.search.attribute_fit import fit_attribute_heads
from imgassets.learning.search.attribute_heads import AttributeHeads
from imgassets.learning.search.data import ITEMS
from imgassets.learning.search.features import (
    GROUPS,
    PIXEL_GROUPS,
    feature_matrix,
    n_features,
    reranker_columns,
    reranker_matrix,
)
from imgassets.vision.custom_features import custom_features
from imgassets.vision.search_schema import FEATURES_SCHEMA

N = 240
HELD = np.arange(N) % 3 == 0


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    """Features of two pictures: a navy square on white, and nothing."""
    navy = np.full((120, 120, 3), 255, np.uint8)
    navy[30:90, 30:90] = (27, 42, 73)
    found = [custom_features(navy), custom_features(np.full((60, 40, 3), 255, np.uint8))]
    rows = {name: [getattr(f, name) for f in found] for name in found[0]._fields}
    schema = {c: t for c, t in FEATURES_SCHEMA.items() if c in rows}
    return pl.DataFrame(rows, schema)


def test_groups_stand_side_by_side(frame: pl.DataFrame) -> None:
    whole = feature_matrix(frame)
    assert whole.shape == (2, n_features())
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()
    parts = [feature_matrix(frame, [group]) for group in PIXEL_GROUPS]
    np.testing.assert_array_equal(np.hstack(parts), whole)
    swapped = feature_matrix(frame, ["texture", "box"])
    np.testing.assert_array_equal(swapped, np.hstack([parts[0], parts[2]]))
    assert feature_matrix(frame, ()).shape == (2, 0)
    assert feature_matrix(frame.clear()).shape == (0, n_features())
    with pytest.raises(ValueError, match="no group attributes"):
        feature_matrix(frame, ["attributes"])


def test_the_rerankers_columns_are_known_by_group(frame: pl.DataFrame) -> None:
    attributes = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
    columns = reranker_columns(2)
    assert tuple(columns) == GROUPS
    matrix = reranker_matrix(frame, attributes)
    np.testing.assert_array_equal(matrix[:, columns["attributes"]], attributes)
    np.testing.assert_array_equal(matrix[:, columns["colour"]], feature_matrix(frame, ["colour"]))
    assert matrix[:, reranker_columns(0)["attributes"]].shape == (2, 0)


def items(**attributes):
    """Make rows of N items, of two categories, in groups of four."""
    known = [
        [
            {"attribute": name, "value": values[i]}
            for name, values in attributes.items()
            if values[i]
        ]
        for i in range(N)
    ]
    return pl.DataFrame(
        {
            "item_id": [f"i{i}" for i in range(N)],
            "group_id": [f"g{i // 4}" for i in range(N)],
            "category": ["tees" if i < N // 2 else "mugs" for i in range(N)],
            "title": "",
            "text": "",
            "attributes": known,
        },
        schema=ITEMS,
    )


@pytest.fixture(scope="module")
def told():
    """Return rows, vectors and features: the vector tells the sleeve, a feature the colour."""
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(N, 6)).astype(np.float32)
    features = rng.normal(size=(N, n_features())).astype(np.float32)
    sleeve = np.where(embeddings[:, 0] > 0, "long", "short").tolist()
    at = n_features(["box"])  # the first column of colours
    features[:, at : at + 40] += 2 * rng.normal(size=(N, 1)).astype(np.float32)
    tone = features[:, at : at + 40].mean(axis=1)
    colour = np.where(tone > 0.8, "navy", np.where(tone < -0.8, "beige", "red"))
    rows = items(
        sleeve_length=[value if i < N // 2 else None for i, value in enumerate(sleeve)],
        colour=colour.tolist(),
        luck=rng.choice(["a", "b"], N).tolist(),
        rare=["x" if i < 20 else None for i in range(N)],
        alone=["only"] * N,
    )
    return rows, embeddings, features


@pytest.fixture(scope="module")
def heads(told) -> AttributeHeads:
    return fit_attribute_heads(*told, HELD)


def test_heads_read_what_tells_most_about_images_not_seen(heads: AttributeHeads) -> None:
    assert [head.attribute for head in heads.heads] == ["colour", "sleeve_length"]
    colour, sleeve = heads.heads
    assert sleeve.inputs == "embedding"
    assert sleeve.values == ("long", "short")
    assert colour.inputs == "colour"
    assert colour.values == ("beige", "navy", "red")
    assert not colour.weight[:6].any(), "what is not chosen has no weight"
    assert sleeve.categories == ("tees",)
    assert colour.categories == ("mugs", "tees")
    accuracy = {row["attribute"]: row for row in heads.accuracy.to_dicts()}
    assert set(accuracy) == {"colour", "luck", "sleeve_length"}, "too few labels, or values"
    assert accuracy["luck"]["inputs"] == "", "nothing tells it"
    for name in ("colour", "sleeve_length"):
        assert accuracy[name]["accuracy"] > accuracy[name]["majority"] + 0.2
        assert accuracy[name]["log_loss"] < accuracy[name]["prior_log_loss"]


def test_probabilities_are_by_attribute_and_side_by_side(heads: AttributeHeads, told) -> None:
    _, embeddings, features = told
    found = heads.probabilities(embeddings, features)
    assert {name: p.shape for name, p in found.items()} == {
        "colour": (N, 3), "sleeve_length": (N, 2),
    }  # fmt: skip
    for p in found.values():
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    matrix = heads.matrix(embeddings, features)
    np.testing.assert_array_equal(matrix, np.hstack([found["colour"], found["sleeve_length"]]))
    assert heads.columns == (
        "colour=beige", "colour=navy", "colour=red", "sleeve_length=long", "sleeve_length=short",
    )  # fmt: skip
    long = found["sleeve_length"][:, 0] > 0.5
    assert (long == (embeddings[:, 0] > 0)).mean() > 0.9


def test_saved_heads_answer_the_same(heads: AttributeHeads, told, tmp_path: Path) -> None:
    _, embeddings, features = told
    heads.save(tmp_path)
    again = AttributeHeads.load(tmp_path)
    np.testing.assert_array_equal(
        again.matrix(embeddings, features), heads.matrix(embeddings, features)
    )
    assert again.columns == heads.columns
    assert again.accuracy.equals(heads.accuracy)
    (tmp_path / "attributes.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no heads of attributes"):
        AttributeHeads.load(tmp_path)


@pytest.mark.parametrize("heads", [AttributeHeads.none(), None], ids=["none", "no labels"])
def test_without_labels_there_are_no_heads(heads, told, tmp_path: Path) -> None:
    _, embeddings, features = told
    if heads is None:
        heads = fit_attribute_heads(items(), embeddings, features, HELD)
    assert heads.columns == ()
    assert heads.matrix(embeddings, features).shape == (N, 0)
    heads.save(tmp_path)
    assert AttributeHeads.load(tmp_path).matrix(embeddings, features).shape == (N, 0)


def test_heads_of_fewer_groups_read_no_others(told) -> None:
    rows, embeddings, features = told
    box = features[:, : n_features(["box"])]
    found = fit_attribute_heads(rows, embeddings, box, HELD, groups=["box"])
    assert {head.attribute for head in found.heads} == {"sleeve_length"}
