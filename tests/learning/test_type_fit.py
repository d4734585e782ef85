from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imgassets.learning.type_fit import LOGISTIC, SHALLOW, fit_logistic, fit_shallow
from imgassets.learning.type_net import TypeNet


def fit(frame, **options) -> TypeNet:
    return fit_logistic(
        np.array(frame["embedding"].to_list(), dtype=np.float32),
        frame["image_type"].to_list(),
        frame["category"].to_list(),
        frame["group_id"].to_list(),
        **options,
    )


def shallow(frame, **options) -> TypeNet:
    return fit_shallow(
        np.array(frame["embedding"].to_list(), dtype=np.float32),
        frame["image_type"].to_list(),
        frame["category"].to_list(),
        **options,
    )


either = pytest.mark.parametrize("fit", [fit, shallow])


def vectors(frame) -> np.ndarray:
    return np.array(frame["embedding"].to_list(), dtype=np.float32)


@either
def test_learns_and_gives_probabilities(fit, make_labelled) -> None:
    head, other = fit(make_labelled()), make_labelled(seed=1)
    p = head.predict_proba(vectors(other), other["category"].to_list())
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    answers = [head.classes[i] for i in p.argmax(axis=1)]
    assert np.mean(np.array(answers) == other["image_type"].to_numpy()) > 0.95


def test_folded_weights_agree_with_scikit_learn(make_labelled) -> None:
    from sklearn.linear_model import LogisticRegression

    frame = make_labelled()
    x = vectors(frame) / np.linalg.norm(vectors(frame), axis=1, keepdims=True)
    z = (x - x.mean(0)) / x.std(0) / np.sqrt(x.shape[1])
    z = np.hstack([z, 0.3 * (np.eye(2)[(frame["category"] == "tees").cast(int)] - 0.5)])
    model = LogisticRegression(C=10.0, max_iter=1000, tol=1e-3).fit(z, frame["image_type"])
    ours = fit(frame, c=10.0).predict_proba(vectors(frame), frame["category"].to_list())
    np.testing.assert_allclose(ours, model.predict_proba(z), atol=2e-3)


@either
def test_length_of_an_embedding_does_not_matter(fit, make_labelled) -> None:
    frame = make_labelled()
    head, categories = fit(frame), frame["category"].to_list()
    np.testing.assert_allclose(
        head.predict_proba(vectors(frame), categories),
        head.predict_proba(7 * vectors(frame), categories),
        atol=1e-5,
    )


def test_category_is_a_prior(make_labelled) -> None:
    frame = make_labelled(noise=3.0, n_groups=80)
    only_fronts = frame.filter((frame["category"] == "tees") | (frame["image_type"] == "front"))
    head = fit(only_fronts)
    front = head.classes.index("front")
    p = {c: head.predict_proba(vectors(frame), [c] * len(frame))[:, front].mean() for c in "ab"}
    assert p["a"] == p["b"], "unknown categories are treated alike"
    pants = head.predict_proba(vectors(frame), ["pants"] * len(frame))[:, front].mean()
    tees = head.predict_proba(vectors(frame), ["tees"] * len(frame))[:, front].mean()
    assert pants > p["a"] > tees


@either
def test_rare_class_is_left_out_and_said_so(fit, make_labelled) -> None:
    import polars as pl

    frame = make_labelled()
    rare = pl.when(pl.int_range(pl.len()) < 2).then(pl.lit("side")).otherwise("image_type")
    head = fit(frame.with_columns(image_type=rare))
    assert head.classes == ("back", "closeup", "front", "none")
    assert head.info["notes"] == ["left out 'side': 2 labelled images, 3 are needed"]


@either
def test_two_classes(fit, make_labelled) -> None:
    import polars as pl

    frame = make_labelled().filter(pl.col("image_type").is_in(["front", "back"]))
    head = fit(frame)
    p = head.predict_proba(vectors(frame), frame["category"].to_list())
    assert np.mean((p[:, 1] > 0.5) == (frame["image_type"] == "front").to_numpy()) > 0.95


@either
def test_one_class_is_refused(fit, make_labelled) -> None:
    frame = make_labelled()
    with pytest.raises(ValueError, match=r"two types.*found front \(40\)"):
        fit(frame.filter(frame["image_type"] == "front"))


@either
def test_same_data_same_network(fit, make_labelled) -> None:
    frame = make_labelled()
    one, two = fit(frame, seed=3), fit(frame, seed=3)
    assert one.info == two.info
    for (weight, bias), (again, bias_again) in zip(one.layers, two.layers, strict=True):
        np.testing.assert_array_equal(weight, again)
        np.testing.assert_array_equal(bias, bias_again)


def test_more_dimensions_than_images_change_nothing(make_labelled) -> None:
    """Few labels are fitted in the axes of their own span: the answers are scikit-learn's."""
    from sklearn.linear_model import LogisticRegression

    frame = make_labelled(n_groups=10)
    rng = np.random.default_rng(5)
    x = np.hstack([vectors(frame), rng.normal(size=(len(frame), 100)).astype(np.float32)])
    net = fit_logistic(
        x, frame["image_type"].to_list(), ["a"] * len(frame), frame["group_id"].to_list(), c=10.0
    )
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    z = (unit - unit.mean(0)) / unit.std(0) / np.sqrt(x.shape[1])
    model = LogisticRegression(C=10.0, max_iter=1000, tol=1e-3).fit(z, frame["image_type"])
    np.testing.assert_allclose(
        net.predict_proba(x, ["a"] * len(frame)), model.predict_proba(z), atol=5e-3
    )


def test_temperature_softens_without_changing_the_answer(make_labelled) -> None:
    frame = make_labelled()
    net, categories = fit(frame), frame["category"].to_list()
    p, soft = (
        n.predict_proba(vectors(frame), categories) for n in (net, net.with_temperature(3.0))
    )
    np.testing.assert_array_equal(p.argmax(axis=1), soft.argmax(axis=1))
    assert (soft.max(axis=1) < p.max(axis=1)).all()
    logits = net.logits(vectors(frame), categories) / 3.0
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(soft, expected, atol=1e-5)


def test_constant_dimensions_are_harmless(make_labelled) -> None:
    frame = make_labelled()
    x = np.hstack([vectors(frame), np.zeros((len(frame), 3), dtype=np.float32)])
    head = fit_logistic(
        x, frame["image_type"].to_list(), frame["category"].to_list(), frame["group_id"].to_list()
    )
    assert np.isfinite(head.predict_proba(x, frame["category"].to_list())).all()
    weight, _ = head.layers[0]
    np.testing.assert_allclose(weight[24:27], 0, atol=1e-6)


@either
def test_saved_and_loaded(fit, tmp_path: Path, make_labelled) -> None:
    frame = make_labelled()
    net = fit(frame, signals_version="v7")
    net.save(tmp_path / "model")
    assert {p.name for p in (tmp_path / "model").iterdir()} == {"net.json", "net.safetensors"}
    again = TypeNet.load(tmp_path / "model")
    assert (again.classes, again.signals_version, again.info) == (net.classes, "v7", net.info)
    assert again.approach in (LOGISTIC, SHALLOW)
    categories = frame["category"].to_list()
    np.testing.assert_array_equal(
        net.predict_proba(vectors(frame), categories),
        again.predict_proba(vectors(frame), categories),
    )


@either
def test_wrong_length_is_refused_and_none_are_fine(fit, make_labelled) -> None:
    head = fit(make_labelled())
    assert head.predict_proba(np.zeros((0, 0), dtype=np.float32), []).shape == (0, 4)
    with pytest.raises(ValueError, match=r"takes embeddings of 24 numbers.*got \[5\]"):
        head.predict_proba(np.zeros((1, 5), dtype=np.float32), ["tees"])


def test_answering_needs_numpy_alone() -> None:
    code = (
        "import sys, imgassets.learning.type_models, imgassets.learning.labels; "
        "assert not {'torch', 'sklearn', 'mlflow', 'transformers', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
