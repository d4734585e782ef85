import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

from imgassets.learning.ranking.approaches import APPROACHES, fit_approach, limit_terms
from imgassets.learning.ranking.fit import FitOptions, Pairs, fit_perceptron
from imgassets.learning.ranking.net import (
    MEASURES,
    LimitTerm,
    Member,
    RankerModel,
    assemble,
    read_columns,
)
from imgassets.reviews.prompt import builtin_limits
from imgassets.reviews.settings import RankingSettings

HEADS = {
    "technical": (2, np.eye(4, 10, dtype=np.float32), np.zeros(10, np.float32)),
    "aesthetic": (0, np.full((2, 10), 0.5, np.float32), np.arange(10, dtype=np.float32)),
}
SETTINGS = RankingSettings(epochs=6)


def photos(n: int = 40, seed: int = 0) -> pl.DataFrame:
    """Examples whose first NIMA feature and sharpness fall with a hidden severity."""
    rng = np.random.default_rng(seed)
    severity = np.tile(np.linspace(0, 1, 4), n // 4)
    nima = rng.normal(size=(n, 6))
    nima[:, 0] -= 12 * severity
    return pl.DataFrame(
        {
            "example_id": [f"e{i}" for i in range(n)],
            "severity": severity,
            "width": np.full(n, 400, np.int32),
            "height": rng.integers(300, 500, n).astype(np.int32),
            "longer_side": np.full(n, 500, np.int32),
            "sharpness": (0.45 - 0.3 * severity + rng.normal(0, 0.01, n)).astype(np.float32),
            "bright": np.full(n, 210, np.float32),
            "clipped": np.zeros(n, np.float32),
            "noise": np.full(n, 0.5, np.float32),
            "blockiness": np.full(n, 1.0, np.float32),
            "object_extent": np.full(n, 0.9, np.float32),
            "nima": nima.astype(np.float32).tolist(),
            "embedding": rng.normal(size=(n, 5)).astype(np.float32).tolist(),
        },
        schema_overrides={"nima": pl.List(pl.Float32), "embedding": pl.List(pl.Float32)},
    )


def pairs(examples: pl.DataFrame) -> pl.DataFrame:
    """Each photo against the three worse ones of its four."""
    rows = [
        (examples["example_id"][k + a], examples["example_id"][k + b], (b - a) / 3)
        for k in range(0, examples.height, 4)
        for a in range(4)
        for b in range(a + 1, 4)
    ]
    return pl.DataFrame(rows, ["better_id", "worse_id", "margin"], orient="row")


def accuracy(model: RankerModel, examples: pl.DataFrame) -> float:
    scores = model.scores(examples)
    place = {name: i for i, name in enumerate(examples["example_id"])}
    told = pairs(examples)
    better = scores[[place[name] for name in told["better_id"]]]
    worse = scores[[place[name] for name in told["worse_id"]]]
    return float((better > worse).mean())


@pytest.mark.parametrize("name", ["siamese", "graded", "measured"])
def test_a_ranker_orders_photos_that_it_never_saw(name):
    train = photos(160)
    model = fit_approach(APPROACHES[name], train, pairs(train), HEADS, SETTINGS, 0, "f-1")
    assert accuracy(model, photos(seed=1)) > 0.9
    assert model.features_version == "f-1"


def test_features_without_a_trace_of_quality_teach_nothing():
    train = photos(80)
    model = fit_approach(APPROACHES["general"], train, pairs(train), {}, SETTINGS, 0, "f-1")
    assert 0.3 < accuracy(model, photos(80, seed=1)) < 0.7


def test_the_same_seed_gives_the_same_scores_and_another_seed_others():
    train = photos()
    same = [
        fit_approach(APPROACHES["measured"], train, pairs(train), HEADS, SETTINGS, s, "f").scores(
            train
        )
        for s in (3, 3, 4)
    ]
    assert np.array_equal(same[0], same[1])
    assert not np.allclose(same[0], same[2])


def test_scores_survive_saving_and_do_not_depend_on_the_kind_of_frame(tmp_path):
    train = photos()
    model = fit_approach(APPROACHES["measured"], train, pairs(train), HEADS, SETTINGS, 0, "f-1")
    model.save(tmp_path)
    loaded = RankerModel.load(tmp_path)
    assert np.array_equal(loaded.scores(train), model.scores(train))
    answered = loaded.predict_frame(pd.DataFrame(train.to_dict(as_series=False)))
    assert np.array_equal(answered["score"], model.scores(train))
    assert (loaded.approach, loaded.features_version) == ("measured", "f-1")
    assert loaded.scores(train.head(0)).shape == (0,)


def test_a_photo_is_scored_alike_alone_and_among_others():
    train = photos()
    model = fit_approach(APPROACHES["siamese"], train, pairs(train), HEADS, SETTINGS, 0, "f-1")
    alone = [model.scores(train[i : i + 1])[0] for i in range(train.height)]
    assert np.allclose(alone, model.scores(train), atol=1e-6)


def test_scores_of_other_features_are_refused_with_the_remedy():
    train = photos()
    model = fit_approach(APPROACHES["siamese"], train, pairs(train), {}, SETTINGS, 0, "f-1")
    short = train.with_columns(nima=pl.col("nima").list.head(3))
    with pytest.raises(ValueError, match=r"takes 9 features .* got 6: train it again"):
        model.scores(short)


def test_damaged_weights_are_refused(tmp_path):
    train = photos()
    fit_approach(APPROACHES["siamese"], train, pairs(train), {}, SETTINGS, 0, "f").save(tmp_path)
    (tmp_path / "ranker.safetensors").write_bytes(b"no weights")
    with pytest.raises(ValueError, match="holds no readable ranker"):
        RankerModel.load(tmp_path)


def test_features_are_what_their_groups_say():
    examples = photos(4)
    columns = read_columns(examples, ["width", "height", "nima", *MEASURES])
    size = assemble(columns, ["size"], {})
    assert size[:, 0] == pytest.approx(np.log2(400), abs=1e-5)
    assert size[:, 2] == pytest.approx(
        np.abs(np.log2(400 / examples["height"].to_numpy())), abs=1e-5
    )
    ratings = assemble(columns, ["distributions"], HEADS)
    assert ratings.shape == (4, 20)
    assert ratings.reshape(4, 2, 10).sum(axis=2) == pytest.approx(np.ones((4, 2)), abs=1e-6)
    # Aesthetic comes first; its logits rise with the rating whatever the features are.
    assert ratings[:, 9] == pytest.approx(np.exp(9) / np.exp(np.arange(10)).sum(), rel=1e-5)
    measures = assemble(columns, ["measures"], {})
    assert measures[:, list(MEASURES).index("clipped")] == pytest.approx(np.log(1e-3))


@pytest.mark.parametrize("problem", list(builtin_limits()))
def test_a_limit_s_term_says_what_the_limit_says(problem):
    limit = builtin_limits()[problem]
    term = next(t for t in limit_terms({problem: limit}) if t.measure == limit.measure)
    values = np.linspace(min(limit.good, limit.worst) * 0.9, max(limit.good, limit.worst) * 1.1, 60)
    wanted = [limit.score(float(v)) for v in values]
    assert term.shares(values) == pytest.approx(wanted, abs=1e-5)


def test_a_measure_that_no_pair_varies_still_counts_against_a_photo():
    train = photos()
    told = pairs(train)
    blocky = train.with_columns(blockiness=pl.lit(8.0, pl.Float32))
    with_limits = fit_approach(APPROACHES["measured"], train, told, {}, SETTINGS, 0, "f")
    assert (with_limits.scores(blocky) < with_limits.scores(train)).all()


def test_limits_that_say_the_same_of_all_examples_do_not_drown_the_networks():
    train = photos(80).with_columns(object_extent=pl.lit(0.2, pl.Float32))
    model = fit_approach(APPROACHES["measured"], train, pairs(train), {}, SETTINGS, 0, "f")
    assert model.members[-1].mean < 0.01
    other = train.with_columns(object_extent=pl.lit(0.9, pl.Float32))
    assert accuracy(model, other) > 0.8


def test_terms_rise_with_quality_and_are_never_negative():
    n = 64
    rng = np.random.default_rng(0)
    # The term says the opposite of the pairs: its weight falls to nothing, not below.
    terms = rng.random((n, 1)).astype(np.float32)
    order = np.argsort(terms[:, 0])
    told = Pairs(order[:-1], order[1:], np.full(n - 1, 0.1, np.float32))
    features = rng.normal(size=(n, 2)).astype(np.float32)
    options = FitOptions(epochs=200, learning_rate=0.05)
    assert 0 <= fit_perceptron(features, terms, told, options, 0).weights[0] < 0.3


def test_one_that_is_named_but_not_there_is_an_error():
    train = photos(4)
    wrong = pl.DataFrame({"better_id": ["e0"], "worse_id": ["x"], "margin": [1.0]})
    with pytest.raises(ValueError, match="names an example that there is not: 'x'"):
        fit_approach(APPROACHES["siamese"], train, wrong, {}, SETTINGS, 0, "f")
    with pytest.raises(ValueError, match="no pair to learn from"):
        fit_approach(APPROACHES["siamese"], train, wrong.head(0), {}, SETTINGS, 0, "f")


def test_a_constant_feature_does_not_matter():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 3)).astype(np.float32)
    x[:, 1] = 7
    order = np.argsort(-x[:, 0])
    told = Pairs(order[:-1], order[1:], np.ones(31, np.float32))
    fitted = fit_perceptron(x, np.zeros((32, 0), np.float32), told, FitOptions(epochs=3), 0)
    assert not fitted.layers[0][0][1].any()


def test_what_is_saved_is_plain_numbers(tmp_path):
    term = LimitTerm("noise", True, (3.0, 0.3, -0.4), 2.0)
    layers = ((np.ones((3, 1), np.float32), np.zeros(1, np.float32)),)
    RankerModel("siamese", (Member(("size",), layers, (term,)),), {}, "f", {"seed": 1}).save(
        tmp_path
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ranker.json", "ranker.safetensors"]
    assert json.loads((tmp_path / "ranker.json").read_text())["info"] == {"seed": 1}
