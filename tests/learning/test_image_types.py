"""Training models of image types: contests, promotion, wider models, what a version holds."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import polars as pl
import pytest

from imgassets.learning import type_fit
from imgassets.learning.image_types import (
    TrainingReport,
    held_out_answers,
    load_model,
    train_types,
)
from imgassets.learning.registered import CorruptedModel
from imgassets.learning.type_net import TypeNet
from imgassets.learning.type_scopes import GLOBAL, Scope
from imgassets.learning.versions import model_versions
from imgassets.settings import Settings

TEES = Scope("category", "tees")


@pytest.fixture(autouse=True)
def _short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contests need networks, not good ones: these are fitted in a few steps."""
    monkeypatch.setattr(type_fit, "EPOCHS", 2)
    monkeypatch.setattr(type_fit, "LEAST_STEPS", 20)


def train(registry, labelled, snapshot=1, signals="v1", scope=GLOBAL, **more) -> TrainingReport:
    return train_types(
        scope, labelled, registry, Settings(), snapshot_id=snapshot, signals_version=signals, **more
    )


def killed(*_: object) -> None:
    raise KeyboardInterrupt


class TestOfOneScope:
    def test_first_version_is_champion_and_loads_with_mlflow_alone(
        self, new_registry, make_labelled, monkeypatch
    ) -> None:
        registry, labelled = new_registry, make_labelled()
        report = train(registry, labelled, 7)
        assert report.retrained
        assert report.promoted
        assert report.is_champion
        assert report.metrics["macro_f1"] > 0.9
        assert report.n_train == report.n_test == labelled.height, "each part was held out in turn"
        assert set(report.comparison["approach"]) == {"logistic", "shallow_net"}
        assert os.environ.get("MLFLOW_TRACKING_URI") is None, "the process is left as it was"

        net = load_model(registry.download("image_type", 1))
        assert isinstance(net, TypeNet)
        assert net.signals_version == "v1"
        assert net.info["n_train"] == labelled.height, "fitted on all labels"
        assert net.approach == report.approach

        import mlflow

        monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.tracking_uri)
        model = mlflow.pyfunc.load_model("models:/image_type@champion")
        asked = labelled.head(5)
        answer = model.predict(
            pd.DataFrame(
                {
                    "embedding": asked["embedding"].to_list(),
                    "category": asked["category"].to_list(),
                }
            )
        )
        p = net.predict_proba(
            np.array(asked["embedding"].to_list(), np.float32), asked["category"].to_list()
        )
        assert answer["image_type"].tolist() == [net.classes[i] for i in p.argmax(axis=1)]
        np.testing.assert_allclose(answer["probability"], p.max(axis=1), atol=1e-6)

        run = mlflow.MlflowClient().get_run(report.version.run_id)
        assert run.data.metrics["macro_f1"] == pytest.approx(report.metrics["macro_f1"])
        assert {"logistic_macro_f1", "shallow_net_macro_f1"} <= set(run.data.metrics)
        assert report.version.tags["snapshot_id"] == "7"
        assert run.info.artifact_uri.startswith(registry.artifact_root.as_uri())

    def test_held_out_answers_are_of_models_that_saw_no_image_of_the_group(
        self, registry, make_labelled
    ) -> None:
        """Labels that follow the group alone are learnt by heart, and wrong for any other."""
        labelled = make_labelled(n_groups=20, noise=0.0)
        rng = np.random.default_rng(0)
        names = {g: ("front", "back")[rng.integers(2)] for g in sorted(set(labelled["group_id"]))}
        by_heart = labelled.with_columns(
            image_type=pl.col("group_id").replace_strict(names),
            embedding=pl.col("embedding").list.concat(
                pl.col("group_id").map_elements(
                    lambda g: np.eye(20)[int(g[1:])].tolist(), return_dtype=pl.List(pl.Float64)
                )
            ),
        )
        report = train(registry, by_heart)
        seen = load_model(registry.download("image_type", 1))
        assert isinstance(seen, TypeNet)
        p = seen.predict_proba(np.array(by_heart["embedding"].to_list(), np.float32), [""] * 80)
        taught = np.array([seen.classes[i] for i in p.argmax(axis=1)])
        assert (taught == by_heart["image_type"].to_numpy()).mean() > 0.9
        assert report.metrics["accuracy"] < 0.75

    def test_same_labels_make_one_version(self, registry, make_labelled) -> None:
        first = train(registry, make_labelled())
        again = train(registry, make_labelled().sample(fraction=1, shuffle=True, seed=5), 2)
        assert not again.retrained
        assert not again.promoted
        assert again.is_champion
        assert again.version == first.version
        assert again.metrics["macro_f1"] == first.metrics["macro_f1"]
        assert len(registry.versions("image_type")) == 1

    def test_interrupted_promotion_is_finished(self, registry, make_labelled, monkeypatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(type(registry), "promote", killed)
            with pytest.raises(KeyboardInterrupt):
                train(registry, make_labelled())
        assert registry.champion("image_type") is None
        report = train(registry, make_labelled())
        assert report.promoted
        assert not report.retrained
        assert registry.champion("image_type").version == 1

    def test_contests(self, registry, make_labelled) -> None:
        weak = train(registry, make_labelled(noise=1.5, flipped=0.3))
        better = train(registry, make_labelled(noise=1.5), 2)
        assert better.promoted
        assert "better than champion 1 on the same 160 held-out images" in better.explanation

        worse = train(registry, make_labelled(noise=5.0, seed=3), 3)
        assert worse.retrained
        assert not worse.promoted
        assert not worse.is_champion
        assert worse.explanation.startswith("not better than champion 2")
        assert registry.champion("image_type").version == 2

        back = train(registry, make_labelled(noise=1.5, flipped=0.3), 4)
        assert back.version.version == weak.version.version
        assert not back.is_champion

        table = model_versions(registry)
        assert table["version"].to_list() == [1, 2, 3]
        assert table["is_champion"].to_list() == [False, True, False]
        assert table["snapshot_id"].to_list() == [1, 2, 3]
        assert table["value"][1] == better.metrics["macro_f1"]

    def test_version_that_a_person_demoted_stays_so(self, registry, make_labelled) -> None:
        train(registry, make_labelled(noise=1.5, flipped=0.3))
        assert train(registry, make_labelled(noise=1.5), 2).promoted
        registry.promote("image_type", 1)
        assert not train(registry, make_labelled(noise=1.5), 3).promoted
        assert registry.champion("image_type").version == 1

    def test_corrupted_champion_is_replaced(self, registry, make_labelled) -> None:
        """The remedy that the error names, `imgassets train`, works on the same labels, too."""
        train(registry, make_labelled())
        weights = registry.download("image_type", 1) / "net.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        with pytest.raises(CorruptedModel):
            registry.load_champion("image_type")
        report = train(registry, make_labelled(), 2)
        assert report.retrained
        assert report.promoted
        assert report.explanation.startswith("champion 1 cannot be read, replaced: ")
        assert registry.load_champion("image_type").version.version == 2
        assert not train(registry, make_labelled(), 3).retrained

    def test_champion_for_other_signals_is_replaced(self, registry, make_labelled) -> None:
        train(registry, make_labelled())
        report = train(registry, make_labelled(noise=1.5), 2, "v2")
        assert report.promoted
        assert "reads signals 'v1', not 'v2'" in report.explanation

    def test_bytes_that_were_trained_on_are_not_compared_on(self, registry, make_labelled) -> None:
        labelled = make_labelled().with_columns(
            image_id=pl.when(pl.col("image_type") == "none")
            .then(pl.lit("f" * 64))
            .otherwise("image_id")
        )
        report = train(registry, labelled)
        held_out = held_out_answers(registry, "image_type", 1)
        assert held_out is not None
        assert "none" not in set(held_out["image_type"])
        assert report.n_test == held_out.height == 120

    def test_too_few_labels(self, registry, make_labelled) -> None:
        with pytest.raises(ValueError, match="labels of 1 groups"):
            train(registry, make_labelled(n_groups=6).with_columns(group_id=pl.lit("s")))
        with pytest.raises(ValueError, match="two types with at least 3"):
            train(registry, make_labelled(n_groups=2))
        one_type = make_labelled().filter(pl.col("image_type") == "front")
        with pytest.raises(ValueError, match=r"two types.*found front \(40\)"):
            train(registry, one_type)
        assert registry.versions("image_type") == []


class TestOfACategory:
    def test_it_answers_only_if_it_beats_the_wider_model(self, registry, make_labelled) -> None:
        labelled = make_labelled(noise=1.2)
        train(registry, labelled)
        spoilt = labelled.with_columns(
            image_type=pl.when((pl.col("category") == "tees") & (pl.col("image_type") == "front"))
            .then(pl.lit("back"))
            .when((pl.col("category") == "tees") & (pl.col("image_type") == "back"))
            .then(pl.lit("front"))
            .otherwise("image_type")
        )
        of_tees = spoilt.filter(pl.col("category") == "tees")
        own = train(registry, of_tees, scope=TEES, wider=[Scope("vertical", "tops"), GLOBAL])
        assert own.promoted, "its fronts are the others' backs"
        assert "better than champion 1 of global" in own.explanation

        registry_names = [model.name for model in registry.overview()]
        assert registry_names == ["image_type", "image_type.category.tees"]

    def test_a_worse_one_does_not_answer(self, registry, make_labelled) -> None:
        labelled = make_labelled(noise=1.2)
        train(registry, labelled)
        few = labelled.filter(pl.col("category") == "tees").head(24)
        scrambled = few.with_columns(embedding=pl.col("embedding").shuffle(seed=1))
        own = train(registry, scrambled, scope=TEES, wider=[GLOBAL])
        assert not own.promoted
        assert own.explanation.startswith("not better than champion 1 of global on the same 24")
        assert registry.champion(TEES.model) is None

    def test_the_closest_wider_model_is_the_one_to_beat(self, registry, make_labelled) -> None:
        labelled, vertical = make_labelled(noise=1.5), Scope("vertical", "tops")
        train(registry, labelled)
        train(registry, labelled, scope=vertical)
        own = train(registry, labelled.head(60), scope=TEES, wider=[vertical, GLOBAL])
        assert "champion 1 of vertical tops" in own.explanation
