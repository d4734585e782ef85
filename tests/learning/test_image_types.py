from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from imgassets.learning import image_types
from imgassets.learning.head import LogisticHead
from imgassets.learning.image_types import (
    load_champion,
    predict_types,
    train_image_type,
)
from imgassets.learning.registered import CorruptedModel
from imgassets.learning.versions import model_versions
from imgassets.settings import TypeSettings
from imgassets.warehouse.contracts import ImageTypes


def settings(**limits: float) -> TypeSettings:
    return TypeSettings(**limits)  # type: ignore[arg-type]


def to_type(labelled: pl.DataFrame) -> pl.DataFrame:
    return labelled.with_columns(day=date(2026, 1, 5)).drop("image_type", "group_id")


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def fixed_head(p: dict[str, float]) -> LogisticHead:
    """Return a head that always answers `p`."""
    classes = sorted(p)
    bias = np.log([p[name] for name in classes]).astype(np.float32)
    weight = np.zeros((24, len(p)), dtype=np.float32)
    return LogisticHead(classes, weight, bias, [], np.zeros((0, len(p)), np.float32), "v1", {})


class TestTraining:
    def test_first_version_is_champion_and_loads_with_mlflow_alone(
        self, new_registry, make_labelled, monkeypatch
    ) -> None:
        registry, labelled = new_registry, make_labelled()
        report = train_image_type(labelled, registry, 7, "v1")
        assert report.retrained
        assert report.promoted
        assert report.is_champion
        assert report.metrics["macro_f1"] > 0.9
        assert report.evaluation is not None
        assert report.n_train + report.n_test == labelled.height
        assert os.environ.get("MLFLOW_TRACKING_URI") is None, "the process is left as it was"

        head, version, stale = load_champion(registry)
        assert head is not None
        assert (version, stale) == ("1", "")
        assert head.signals_version == "v1"
        assert head.info["n_train"] == labelled.height, "refitted on all labels"

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
        ours = predict_types(to_type(asked), head, version, settings())
        assert answer["image_type"].tolist() == ours["image_type"].to_list()
        np.testing.assert_allclose(answer["probability"], ours["probability"], atol=1e-6)

        run = mlflow.MlflowClient().get_run(report.version.run_id)
        assert run.data.metrics["macro_f1"] == pytest.approx(report.metrics["macro_f1"])
        assert run.data.params["snapshot_id"] == "7"
        assert run.info.artifact_uri.startswith(registry.artifact_root.as_uri())

    def test_same_labels_make_one_version(self, registry, make_labelled) -> None:
        first = train_image_type(make_labelled(), registry, 1, "v1")
        shuffled = make_labelled().sample(fraction=1, shuffle=True, seed=5)
        again = train_image_type(shuffled, registry, 2, "v1")
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
                train_image_type(make_labelled(), registry, 1, "v1")
        assert load_champion(registry) == (None, "", "")
        report = train_image_type(make_labelled(), registry, 1, "v1")
        assert report.promoted
        assert not report.retrained
        assert load_champion(registry)[1] == "1"

    def test_contests(self, registry, make_labelled) -> None:
        weak = train_image_type(make_labelled(noise=1.5, flipped=0.3), registry, 1, "v1")
        better = train_image_type(make_labelled(noise=1.5), registry, 2, "v1")
        assert better.promoted
        assert "better than champion 1 on the same" in better.explanation

        worse_train = make_labelled(noise=1.5, flipped=0.7, seed=3)
        _, held = image_types.group_split(make_labelled(noise=1.5), image_types.HOLDOUT, 0)
        spoilt = pl.concat(
            [worse_train.filter(~pl.col("group_id").is_in(held["group_id"].implode())), held]
        )
        worse = train_image_type(spoilt, registry, 3, "v1")
        assert worse.retrained
        assert not worse.promoted
        assert not worse.is_champion
        assert worse.explanation.startswith("not better than champion 2")
        assert load_champion(registry)[1] == "2"

        back = train_image_type(make_labelled(noise=1.5, flipped=0.3), registry, 4, "v1")
        assert back.version.version == weak.version.version
        assert not back.is_champion

        table = model_versions(registry)
        assert table["version"].to_list() == [1, 2, 3]
        assert table["is_champion"].to_list() == [False, True, False]
        assert table["snapshot_id"].to_list() == [1, 2, 3]
        assert table["value"][1] == better.metrics["macro_f1"]

    def test_version_that_a_person_demoted_stays_so(self, registry, make_labelled) -> None:
        train_image_type(make_labelled(noise=1.5, flipped=0.3), registry, 1, "v1")
        assert train_image_type(make_labelled(noise=1.5), registry, 2, "v1").promoted
        registry.promote("image_type", 1)
        report = train_image_type(make_labelled(noise=1.5), registry, 3, "v1")
        assert not report.promoted
        assert load_champion(registry).version == "1"

    def test_corrupted_champion_is_replaced(self, registry, make_labelled) -> None:
        """The remedy that the error names, `imgassets train`, works on the same labels, too."""
        train_image_type(make_labelled(), registry, 1, "v1")
        weights = registry.download("image_type", 1) / "head.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        with pytest.raises(CorruptedModel):
            load_champion(registry)
        report = train_image_type(make_labelled(), registry, 2, "v1")
        assert report.retrained
        assert report.promoted
        assert report.explanation.startswith("champion 1 cannot be read, replaced: ")
        assert load_champion(registry).version == "2"
        assert not train_image_type(make_labelled(), registry, 3, "v1").retrained

    def test_champion_for_other_signals_is_replaced(self, registry, make_labelled) -> None:
        train_image_type(make_labelled(), registry, 1, "v1")
        report = train_image_type(make_labelled(noise=1.5), registry, 2, "v2")
        assert report.promoted
        assert "reads signals 'v1', not 'v2'" in report.explanation

    def test_champion_that_saw_the_held_out_groups_is_replaced(
        self, registry, make_labelled
    ) -> None:
        train_image_type(make_labelled(), registry, 1, "v1", seed=0)
        _, held = image_types.group_split(make_labelled(), image_types.HOLDOUT, 0)
        seen = make_labelled().filter(~pl.col("group_id").is_in(held["group_id"].implode()))
        report = train_image_type(seen, registry, 2, "v1", seed=1)
        assert report.promoted
        assert "trained on all held-out groups" in report.explanation

    def test_bytes_of_the_training_part_are_not_compared_on(self, registry, make_labelled) -> None:
        labelled = make_labelled().with_columns(
            image_id=pl.when(pl.col("image_type") == "none")
            .then(pl.lit("f" * 64))
            .otherwise("image_id")
        )
        report = train_image_type(labelled, registry, 1, "v1")
        assert report.evaluation is not None
        assert "none" not in report.evaluation.scored
        assert any("bytes also occur in the training part" in note for note in report.notes)

    def test_too_few_labels(self, registry, make_labelled) -> None:
        with pytest.raises(ValueError, match="labels of 1 groups"):
            train_image_type(make_labelled(n_groups=1), registry, 1, "v1")
        with pytest.raises(ValueError, match="two classes with at least 3"):
            train_image_type(make_labelled(n_groups=4), registry, 1, "v1")


class TestAnswering:
    def test_without_champion(self, new_registry, make_labelled) -> None:
        head, version, _ = load_champion(new_registry)
        assert not Path(new_registry.tracking_uri.removeprefix("sqlite:///")).exists()
        types = predict_types(to_type(make_labelled()), head, version, settings())
        assert types.select(
            "image_type", "probability", "approach", "model_version"
        ).unique().rows() == [("untyped", 0.0, "untyped", "")]
        assert model_versions(new_registry).is_empty()

    @pytest.mark.parametrize("head", [None, fixed_head({"front": 0.6, "back": 0.4})])
    def test_empty_frame(self, head, make_labelled) -> None:
        types = predict_types(to_type(make_labelled()).clear(), head, "1", settings())
        assert types.is_empty()
        ImageTypes.validate(types)

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
        types = predict_types(images, fixed_head(p), "4", settings(**limits))
        assert types["image_id"].to_list() == images["image_id"].to_list()
        assert set(types["image_type"]) == {expected}
        assert types["probability"].to_list() == pytest.approx([probability] * 3, abs=1e-5)
        assert set(types["model_version"]) == {"4"}

    def test_other_backbone_is_refused(self, make_labelled) -> None:
        images = to_type(make_labelled()).with_columns(embedding=pl.lit([1.0, 2.0]))
        with pytest.raises(ValueError, match="takes embeddings of 24 numbers"):
            predict_types(images, fixed_head({"front": 0.6, "back": 0.4}), "1", settings())

    def test_embeddings_of_several_lengths_are_refused(self, make_labelled) -> None:
        images = to_type(make_labelled())
        uneven = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit([1.0])).otherwise("embedding")
        with pytest.raises(ValueError, match="must have one length"):
            predict_types(
                images.with_columns(embedding=uneven),
                fixed_head({"front": 0.6, "back": 0.4}),
                "1",
                settings(),
            )
