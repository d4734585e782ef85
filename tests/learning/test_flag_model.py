from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imgassets.learning import flag_model
from imgassets.learning.features import SCALARS, feature_matrix
from imgassets.learning.flag_model import FlagModel
from imgassets.learning.flag_training import Trained, train_heads
from imgassets.learning.registered import CorruptedModel
from imgassets.learning.registry import ModelRegistry
from imgassets.settings import LearningSettings, ReviewSettings
from tests.learning.flag_cases import DIMENSIONS, both_sides, frame

ASKED = frame(both_sides(range(50, 53), spread=1.5))

FRESH_PROCESS = """
import json, sys
sys.modules["imgassets"] = None  # an import of it fails as if it were not installed
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model("models:/blurry@champion")
print(json.dumps(model.predict(pd.read_json(sys.stdin)).to_dict("list")))
"""


@pytest.fixture(scope="module")
def trained() -> dict[str, Trained]:
    examples = frame(both_sides(range(6), spread=0.6))
    found = train_heads(
        "blurry", examples, LearningSettings(), ReviewSettings(), 0, signals_version="v1"
    )
    return {t.model.approach: t for t in found}


@pytest.fixture
def model(trained) -> FlagModel:
    return trained["logistic"].model


def rows_of(examples) -> pd.DataFrame:
    wanted = examples.select(*SCALARS, "embedding").to_dicts()
    return pd.DataFrame(wanted)


@pytest.mark.parametrize("approach", ["logistic", "forest"])
def test_a_saved_model_answers_alike(trained, approach, tmp_path) -> None:
    model = trained[approach].model
    model.save(tmp_path / "new" / "folder")
    loaded = FlagModel.load(tmp_path / "new" / "folder")
    features = feature_matrix(ASKED)
    p = model.predict_proba(features)
    assert p.dtype == np.float32
    assert len(np.unique(p)) > 3
    assert p.max() < 1
    assert np.array_equal(loaded.predict_proba(features), p)
    for name in ("flag", "approach", "limits", "scalars", "signals_version", "info"):
        assert getattr(loaded, name) == getattr(model, name)


def test_no_images_no_probabilities(model) -> None:
    assert model.predict_proba(np.zeros((0, 0), np.float32)).shape == (0,)


def test_features_of_another_length_say_what_to_do(model) -> None:
    wanted = len(SCALARS) + DIMENSIONS
    with pytest.raises(
        ValueError, match=rf"'blurry' takes {wanted} numbers \(signals 'v1'\), got 3: train it"
    ):
        model.predict_proba(np.zeros((1, 3), np.float32))


def test_frames_are_answered_like_features(model) -> None:
    asked = rows_of(ASKED).set_index(pd.Index(range(7, 7 + ASKED.height)))
    answer = model.predict_frame(asked)
    p = model.predict_proba(feature_matrix(ASKED))
    np.testing.assert_allclose(answer["probability"], p, atol=1e-6)
    assert answer["flagged"].tolist() == (p >= model.limits["flag"]).tolist()
    assert set(answer["flagged"]) == {True, False}
    assert answer.index.equals(asked.index)


class TestDamage:
    @pytest.fixture
    def folder(self, trained, tmp_path) -> Path:
        trained["forest"].model.save(tmp_path)
        return tmp_path

    @pytest.mark.parametrize("name", ["head.skops", "flag.json"])
    @pytest.mark.parametrize("how", ["gone", "empty", "halved", "zeros"])
    def test_is_one_clear_error(self, folder, name, how) -> None:
        path = folder / name
        data = path.read_bytes()
        path.unlink()
        if how != "gone":
            damaged = {"empty": b"", "halved": data[: len(data) // 2], "zeros": bytes(len(data))}
            path.write_bytes(damaged[how])
        with pytest.raises(ValueError, match=r"no readable model of a flag .* train again"):
            FlagModel.load(folder)

    def test_a_description_without_a_part(self, folder) -> None:
        described = json.loads((folder / "flag.json").read_text())
        del described["limits"]
        (folder / "flag.json").write_text(json.dumps(described))
        with pytest.raises(ValueError, match="KeyError: 'limits'"):
            FlagModel.load(folder)

    def test_a_type_that_could_do_anything_is_not_built(self, folder) -> None:
        import skops.io
        from sklearn.preprocessing import FunctionTransformer

        skops.io.dump(FunctionTransformer(subprocess.run), folder / "head.skops")
        with pytest.raises(ValueError, match=r"Untrusted types .*subprocess"):
            FlagModel.load(folder)

    def test_something_that_is_no_classifier(self, folder) -> None:
        import skops.io

        skops.io.dump({"a": 1}, folder / "head.skops")
        with pytest.raises(ValueError, match="no readable model"):
            FlagModel.load(folder)

    @pytest.mark.parametrize(
        ("part", "number"), [("left_child", 10**6), ("left_child", 0), ("feature", 999)]
    )
    def test_a_tree_that_would_crash_the_process_is_refused(
        self, trained, tmp_path, part, number
    ) -> None:
        """Scikit-learn follows a tree's nodes without looking where they lead."""
        trained["forest"].model.save(tmp_path / "intact")
        loaded = FlagModel.load(tmp_path / "intact")
        tree = loaded.estimator.steps[-1][1].estimators_[0].tree_
        state = tree.__getstate__()
        state["nodes"][part][0] = number
        tree.__setstate__(state)
        loaded.save(tmp_path)
        with pytest.raises(ValueError, match="a tree"):
            FlagModel.load(tmp_path)


class TestRegistered:
    @pytest.fixture
    def registered(self, registry: ModelRegistry, model: FlagModel, tmp_path) -> ModelRegistry:
        model.save(tmp_path / "made")
        registry.log_and_register(
            "blurry",
            folder=tmp_path / "made",
            code=Path(flag_model.__file__),
            inputs={**dict.fromkeys(SCALARS, "float"), "embedding": "floats"},
            params={},
            metrics={},
            plots={},
            tags={},
            requirements=("scikit-learn", "skops"),
        )
        registry.promote("blurry", 1)
        return registry

    @pytest.mark.soak
    def test_answers_without_imgassets(self, registered, model, tmp_path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", FRESH_PROCESS],
            input=rows_of(ASKED).to_json(),
            env={
                "MLFLOW_TRACKING_URI": registered.tracking_uri,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "HOME": str(tmp_path),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout.splitlines()[-1])
        p = model.predict_proba(feature_matrix(ASKED))
        np.testing.assert_allclose(answer["probability"], p, atol=1e-5)
        assert answer["flagged"] == (p >= model.limits["flag"]).tolist()

    @pytest.mark.parametrize("name", ["head.skops", "flag.json"])
    def test_damage_is_found_before_loading(self, registered, name) -> None:
        path = registered.download("blurry", 1) / name
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(CorruptedModel, match=f"blurry version 1 .* file {name} has SHA"):
            registered.load_champion("blurry")
