"""NIMA's heads: fitting, the loss, and which version answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning.evaluation import group_split
from imgassets.learning.nima.fit import emd, fit_head, quality
from imgassets.learning.nima.head import NimaHead, mean_rating, rating_std
from imgassets.learning.nima.heads import KINDS, Heads, heads_of, model_of
from imgassets.learning.nima.targets import Targets, maximum_entropy
from imgassets.learning.nima.training import train_nima
from imgassets.learning.registry import ModelRegistry
from imgassets.settings import Settings
from imgassets.vision.photo_version import nima_version

DIMENSION = 12


def targets_of(
    n: int = 240, seed: int = 0, source: str = "distortions", version: str = "nima:x",
    noise: float = 0.1, prefix: str = "",
) -> Targets:  # fmt: skip
    """Photos of 40 groups whose rating follows one direction of their features."""
    rng = np.random.default_rng(seed)
    severity = rng.uniform(0, 1, n)
    features = rng.normal(0, 1, (n, DIMENSION)).astype(np.float32)
    features[:, 3] = 40 + 5 * severity + rng.normal(0, noise, n)
    features[:, 5] = 7  # says nothing
    targets = [maximum_entropy(8 - 6 * float(s), 1.2).tolist() for s in severity]
    rows = pl.DataFrame(
        {
            "example_id": [f"{prefix}{seed}-{k:04}" for k in range(n)],
            "group_id": [f"{prefix}g{k % 40}" for k in range(n)],
            "category": [("bags", "hats")[k % 2] for k in range(n)],
            "nima": features.tolist(),
            "target": targets,
        },
        schema_overrides={"nima": pl.List(pl.Float32)},
    )
    return Targets(rows, source, version)


def test_the_distance_is_nimas() -> None:
    sure_of_1, sure_of_3 = np.eye(10)[[0]], np.eye(10)[[2]]
    assert emd(sure_of_1, sure_of_1)[0] == 0
    # Two of ten steps of the cumulated shares differ by one.
    assert emd(sure_of_1, sure_of_3)[0] == pytest.approx(np.sqrt(2 / 10))
    found = quality(np.vstack([sure_of_1, sure_of_3]), np.vstack([sure_of_1, sure_of_3]))
    assert (found.emd, found.srcc, found.lcc, found.n) == (0, pytest.approx(1), pytest.approx(1), 2)
    assert np.isnan(quality(sure_of_1, sure_of_3).srcc)


def test_fitting_finds_the_direction_and_repeats_itself() -> None:
    import torch

    rows = targets_of().rows
    x = np.array(rows["nima"].to_list(), np.float32)
    y = np.array(rows["target"].to_list(), np.float32)
    torch.manual_seed(1)
    first = fit_head(x, y, rows["group_id"].to_list(), seed=0)
    torch.manual_seed(2)  # global state counts for nothing
    second = fit_head(x, y, rows["group_id"].to_list(), seed=0)
    np.testing.assert_array_equal(first.weight, second.weight)
    np.testing.assert_array_equal(first.bias, second.bias)
    assert not first.weight[5].any()
    head = NimaHead("technical", first.weight, first.bias, "x", length=DIMENSION)
    found = quality(y, head.distribution(x))
    assert found.srcc > 0.8
    assert found.emd < 0.85 * quality(y, np.tile(y.mean(0), (len(y), 1))).emd


def test_a_head_answers_distributions_of_its_own_features(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(4, 10)), rng.normal(size=10)
    features = rng.normal(size=(5, 8)).astype(np.float32)
    head = NimaHead("aesthetic", weight, bias, "v", length=8, start=4, info={"source": "ratings"})
    found = head.distribution(features)
    assert (found.shape, found.dtype) == ((5, 10), np.float32)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    logits = features[:, 4:] @ weight + bias
    np.testing.assert_allclose(found, np.exp(logits) / np.exp(logits).sum(1)[:, None], rtol=1e-4)
    head.save(tmp_path)
    read = NimaHead.load(tmp_path)
    np.testing.assert_array_equal(read.distribution(features), found)
    assert (read.kind, read.features_version, read.info) == ("aesthetic", "v", head.info)
    frame = read.predict_frame(pl.DataFrame({"nima": features.tolist()}).to_pandas())
    np.testing.assert_allclose(frame["mean"], mean_rating(found))
    np.testing.assert_allclose(frame["std"], rating_std(found))
    assert head.distribution(features[:0]).shape == (0, 10)
    with pytest.raises(ValueError, match=r"takes 8 features \('v'\), got 4.*train nima --kind"):
        head.distribution(features[:, :4])
    (tmp_path / "head.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no readable head"):
        NimaHead.load(tmp_path)


def test_missing_heads_rate_nothing() -> None:
    head = NimaHead("technical", np.zeros((2, 10)), np.zeros(10), "v", length=2)
    rated = Heads({"aesthetic": None, "technical": head}).rate(np.zeros((3, 2)))
    assert rated["technical"].to_list() == pytest.approx([5.5] * 3)
    assert rated["technical_distribution"].list.len().to_list() == [10] * 3
    assert rated["aesthetic"].null_count() == rated["aesthetic_distribution"].null_count() == 3
    assert rated.schema["aesthetic_distribution"] == pl.List(pl.Float32)


def test_versions_contest_by_the_distance_and_ratings_outrank_made_up_ones(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path)
    version = nima_version(settings)
    assert heads_of(settings, registry).by_kind == dict.fromkeys(KINDS)
    first = train_nima("technical", targets_of(noise=3, version=version), registry, 1)
    assert (first.promoted, first.explanation) == (
        True, "first version: no champion to compare with"
    )  # fmt: skip
    assert first.metrics["emd"] < first.metrics["emd_of_mean"]
    assert first.n_train + first.n_test == 240

    again = train_nima("technical", targets_of(noise=3, version=version), registry, 1)
    assert (again.retrained, again.version) == (False, first.version)

    # The same photos held out, but the order of what is learnt from the others is reversed.
    muddled = targets_of(noise=3, version=version)
    _, held = group_split(muddled.rows, 0.2, 0)
    is_held = pl.col("group_id").is_in(held["group_id"].unique().to_list())
    rows = muddled.rows.with_columns(
        target=pl.when(is_held).then("target").otherwise(pl.col("target").list.reverse())
    )
    worse = train_nima("technical", muddled._replace(rows=rows), registry, 1)
    assert not worse.promoted
    assert (
        f"no better on {held.height} held-out photos than to answer the mean" in worse.explanation
    )

    clear = targets_of(noise=0.1, version=version)
    clear = clear._replace(rows=clear.rows.with_columns(example_id="c" + pl.col("example_id")))
    better = train_nima("technical", clear, registry, 1)
    assert better.promoted
    assert "better than champion 1 on the same" in better.explanation
    few = pl.col("group_id").is_in([f"g{k}" for k in range(18)]) | is_held
    fewer = train_nima("technical", clear._replace(rows=clear.rows.filter(few)), registry, 1)
    assert not fewer.promoted
    assert f"not better than champion {better.version.version} on" in fewer.explanation

    rated = train_nima(
        "technical", targets_of(100, seed=5, source="ratings", version=version, prefix="r"),
        registry, 1,
    )  # fmt: skip
    assert rated.promoted
    assert "learnt from made-up ratings, this one from people's" in rated.explanation
    later = train_nima("technical", targets_of(seed=7, version=version), registry, 1)
    assert not later.promoted
    assert "kept" in later.explanation

    heads = heads_of(settings, registry)
    assert heads.version == f"nima_technical-{rated.version.version}"
    assert heads["aesthetic"] is None
    assert heads["technical"] is not None
    other = settings.model_copy(
        update={"ranking": settings.ranking.model_copy(update={"nima_backbone": "google/vit"})}
    )
    stale = heads_of(other, registry)
    assert stale["technical"] is None
    assert "reads features 'nima:embedded-2', not 'nima:google/vit@main'" in stale.notes[0]


def test_a_registered_head_answers_without_imgassets_and_names_no_photo(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    made = train_nima("aesthetic", targets_of(90, prefix="secret-"), registry, 1)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{model_of('aesthetic')}@champion")
    features = targets_of(5).rows.select("nima").to_pandas()
    features["nima"] = [list(map(float, row)) for row in features["nima"]]
    answer = model.predict(features)
    assert list(answer.columns) == ["mean", "std", "distribution"]
    assert answer["mean"].between(1, 10).all()

    folder = registry.download(model_of("aesthetic"), made.version.version)
    code = next(folder.parent.glob("*.py"), folder.parent / "code")
    assert "from imgassets" not in code.read_text()
    texts = {path.name: path.read_text() for path in (folder / "card.md", folder / "head.json")}
    assert not any("secret" in text for text in texts.values())
    for words in ("made-up ratings", "no face", "emd_of_mean"):
        assert words in texts["card.md"]


def test_too_few_groups_are_an_error(registry: ModelRegistry) -> None:
    few = targets_of(20)
    rows = few.rows.with_columns(group_id=pl.lit("one"))
    with pytest.raises(ValueError, match="3 products or styles at least, there are 1"):
        train_nima("technical", few._replace(rows=rows), registry, 1)
