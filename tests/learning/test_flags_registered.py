"""Flags from pictures to the registry and back: the sample catalog, real stores, real damage."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.ingest.store import ImageStore
from imgassets.learning.flags import FlagReport, load_model, train_flag
from imgassets.learning.registered import CorruptedModel, RegistryUnavailable
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.synthetic import make
from imgassets.operations.flags import SIGNAL_COLUMNS, Scores, score_flags, train_flag_model
from imgassets.operations.models import TrainingError
from imgassets.settings import LearningSettings, ReviewSettings, Settings, VisionSettings
from imgassets.vision.backbones import signals_version
from imgassets.vision.engine import compute_signals
from imgassets.warehouse.contracts import FlagLabels, ImageSignals, ModelVersions
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.learning.flag_cases import both_sides, example, frame
from tests.small_catalog import SmallCatalog
from tests.tiny_backbone import coloured, write_backbone


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> SmallCatalog:
    return SmallCatalog.draw(tmp_path_factory.mktemp("catalog"))


def registry_of(folder: Path, empty_store: Path) -> ModelRegistry:
    """Return an empty registry with a cache of champions."""
    folder.mkdir(parents=True)
    shutil.copy(empty_store, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    return ModelRegistry(uri, folder / "artifacts", cache=folder / "champions")


def spoil_store(registry: ModelRegistry) -> None:
    Path(registry.tracking_uri.removeprefix("sqlite:///")).write_bytes(b"no database" * 1000)


class TestOfPoints:
    """Training on points instead of pictures: what is registered, and when."""

    @pytest.fixture
    def of(self, tmp_path) -> Settings:
        return Settings(home=tmp_path, review=ReviewSettings(min_rejections=2))

    @pytest.fixture
    def learn(self, registry, of) -> Callable[..., FlagReport]:
        def train(examples: pl.DataFrame, flag="weapon", version="v1") -> FlagReport:
            return train_flag(
                flag, "Does it?", lambda _: examples, registry, of,
                signals_version=version, snapshot_id=5,
            )  # fmt: skip

        return train

    @pytest.mark.soak
    def test_a_version_carries_its_making(self, learn, registry) -> None:
        held = both_sides(range(20, 22), split="holdout")
        missed = example("missed", "g21", True, looks=False, split="holdout")
        report = learn(frame([*both_sides(range(6)), *held, missed]))
        assert (report.version.version, report.retrained, report.promoted) == (1, True, True)
        assert (report.n_train, report.n_test) == (24, 9)
        assert report.metrics["recall"] == pytest.approx(4 / 5)
        assert registry.champion("weapon") == report.version
        tags = report.version.tags
        assert tags["decision"] == "promote"
        assert (tags["signals_version"], tags["snapshot_id"]) == ("v1", "5")

        import mlflow

        client = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
        run = client.get_run(report.version.run_id).data
        assert run.params["approach"] == report.approach
        assert float(run.params["limit_flag"]) > 0
        assert run.params["n_label_yes"] == "17"
        assert {"precision", "recall", "f1", "false_discards", "tuned_logistic_f1",
                "tuned_forest_f1", "augmentation_1_f1"} <= set(run.metrics)  # fmt: skip
        folder = next(Path(registry.artifact_root).rglob("plots"))
        for name in ("precision_recall", "mistakes"):
            with Image.open(folder / f"{name}.png") as picture:
                assert min(picture.size) > 200
        card = (registry.download("weapon", 1) / "card.md").read_text()
        for word in ("Does it?", "recall", "review", "promoted: first version"):
            assert word in card

    @pytest.mark.soak
    def test_more_labels_make_a_version_and_only_a_better_one_answers(
        self, learn, registry
    ) -> None:
        """There are two kinds of weapons; the first labels know one of them."""

        def weapons(groups, split="train") -> list[dict[str, object]]:
            return [example(f"other-{g}-{i}", f"g{g}", True, centre=-4.0, split=split)
                    for g in groups for i in range(2)]  # fmt: skip

        held = [*both_sides(range(20, 26), split="holdout"), *weapons(range(20, 26), "holdout")]
        poor = frame([*both_sides(range(6)), *held])
        first = learn(poor)
        better = learn(frame([*both_sides(range(6)), *weapons(range(6)), *held]))
        assert better.promoted
        assert "better than champion 1 on the same 36 held-out examples" in better.explanation
        worse = learn(frame([*both_sides(range(5)), *held]))
        assert (worse.version.version, worse.promoted) == (3, False)
        assert "not better than champion 2" in worse.explanation
        again = learn(poor.reverse())
        assert (again.version, again.retrained) == (first.version, False)
        assert again.metrics["f1"] == first.metrics["f1"]
        assert not again.promoted, "it lost the alias before"
        assert registry.champion("weapon").version == 2

    @pytest.mark.soak
    def test_a_champion_that_cannot_be_read_is_replaced(self, learn, registry) -> None:
        learn(frame(both_sides(range(8))))
        path = registry.download("weapon", 1) / "head.skops"
        path.write_bytes(path.read_bytes()[:-1])
        second = learn(frame(both_sides(range(9))))
        assert second.promoted
        assert second.explanation.startswith("champion 1 cannot be read, replaced: model weapon")

    @pytest.mark.soak
    def test_a_first_model_that_is_no_better_than_the_rule_stays_behind(
        self, learn, registry
    ) -> None:
        examples = frame(both_sides(range(12))).with_columns(rule_answer=pl.col("value"))
        report = learn(examples, flag="blurry")
        assert not report.promoted
        assert "not better than the quality rule" in report.explanation
        assert registry.champion("blurry") is None

    def test_nothing_is_trained_while_the_registry_is_down(self, learn, registry) -> None:
        spoil_store(registry)
        with pytest.raises(RegistryUnavailable, match="start or repair it"):
            learn(frame(both_sides(range(8))))


@pytest.mark.soak
def test_pixels_win_where_signals_tell_nothing(registry, tmp_path) -> None:
    vision = VisionSettings(backbone=write_backbone(tmp_path / "net"), device="cpu", workers=2)
    of = Settings(home=tmp_path, vision=vision, review=ReviewSettings(min_rejections=2))
    store = ImageStore(str(tmp_path / "images"))
    truth = np.arange(96) % 2 == 0
    pictures: dict[str, np.ndarray] = {}
    for picture in coloured(truth):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        pictures[store.put(buffer.getvalue())] = picture
    examples = frame(
        [
            example(name, f"g{i // 6}", bool(truth[i]), looks=False)
            for i, name in enumerate(pictures)
        ]
    )

    def squares(asked: pl.DataFrame) -> np.ndarray:
        return np.array([pictures[name] for name in asked["image_id"]])

    version = signals_version(vision)
    report = train_flag(
        "weapon", "A weapon?", lambda _: examples, registry, of,
        signals_version=version, snapshot_id=1, squares=squares,
    )  # fmt: skip
    assert (report.approach, report.promoted) == ("retrained_block", True)
    assert report.metrics["f1"] > 0.9
    assert report.metrics["tuned_retrained_block_f1"] > report.metrics["tuned_logistic_f1"]

    images = examples.with_columns(signals_version=pl.lit(version))
    scores = score(images, ["weapon"], registry, store, of)
    assert scores.versions == {"weapon": "1"}
    model = load_model(registry.download("weapon", 1))
    wanted = model.predict_proba(squares(scores.frame))
    np.testing.assert_allclose(scores.frame["probability"], wanted, atol=1e-6)


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    return Settings(
        home=tmp_path_factory.mktemp("home"),
        vision=VisionSettings(workers=2),
        learning=LearningSettings(max_sources=30, max_augmentations=1),
        review=ReviewSettings(min_rejections=3),
    )


@pytest.fixture(scope="module")
def warehouse(catalog, settings) -> Warehouse:
    lake = catalog.fill(settings)
    labels = [
        catalog.labels(catalog.of("blurry", "small_object"), "blurry"),
        catalog.labels(catalog.of("placeholder", "small_object"), "placeholder"),
    ]
    lake.replace([Replacement(FlagLabels, pl.concat(labels))], CommitMessage(asset="test"))
    return lake


@pytest.fixture(scope="module")
def signals(warehouse) -> pl.DataFrame:
    return warehouse.read(ImageSignals)


@pytest.fixture(scope="module")
def models(settings, empty_store) -> ModelRegistry:
    return registry_of(settings.home / "mlflow", empty_store)


@pytest.fixture(scope="module")
def reports(catalog, settings, warehouse, models) -> dict[str, FlagReport]:
    """Train both flags; a person lets them answer, for the rules are flawless on the sample."""
    made = {}
    for flag in ("blurry", "placeholder"):
        made[flag] = train_flag_model(flag, warehouse, models, catalog.store, settings)
        models.promote(flag, made[flag].version.version)
    return made


def score(images: pl.DataFrame, flags, registry, store, settings) -> Scores:
    return score_flags(images.select(SIGNAL_COLUMNS), flags, registry, store, settings)


def found(scores: Scores, flag: str) -> dict[str, bool]:
    """Return image_id to whether its probability reaches the flag's limit."""
    rows = scores.frame.filter(pl.col("flag") == flag)
    reaches = rows.select("image_id", pl.col("probability") >= pl.col("limit"))
    return dict(reaches.iter_rows())


@pytest.mark.soak
class TestOfPictures:
    def test_training_registers_and_records(self, reports, models, warehouse) -> None:
        for flag, report in reports.items():
            assert report.retrained
            assert "the quality rule on the same" in report.explanation
            assert report.promoted == report.explanation.startswith("better")
            assert report.metrics["f1"] > 0.8
            card = (models.download(flag, 1) / "card.md").read_text()
            assert re.search(r"synthetic: \w+", card)
        assert set(warehouse.read(ModelVersions)["model"]) == set(reports)

    def test_running_again_retrains_nothing(
        self, reports, catalog, warehouse, models, settings
    ) -> None:
        again = train_flag_model("blurry", warehouse, models, catalog.store, settings)
        assert not again.retrained
        assert again.version == reports["blurry"].version

    def test_the_catalog_s_defects_are_found(
        self, reports, catalog, models, settings, signals
    ) -> None:
        scores = score(signals, ["blurry", "weapon"], models, catalog.store, settings)
        assert scores.versions == {"blurry": "1"}, "nobody trained a model of weapons"
        assert scores.notes == []
        assert set(scores.frame["flag"]) == {"blurry"}
        assert scores.frame["image_id"].to_list() == sorted(signals["image_id"].unique())
        flagged = found(scores, "blurry")
        blurred, good = (set(catalog.of(defect)["image_id"]) for defect in ("blurry", ""))
        assert np.mean([flagged[i] for i in blurred]) >= 0.8
        assert np.mean([flagged[i] for i in good]) <= 0.02

    def test_the_cached_champion_answers_while_the_registry_is_down(
        self, reports, catalog, models, settings, signals, tmp_path
    ) -> None:
        fresh = score(signals, ["blurry"], models, catalog.store, settings)
        shutil.copytree(settings.home / "mlflow", tmp_path / "down")
        down = replace(models, tracking_uri=f"sqlite:///{tmp_path}/down/mlflow.db")
        pointers = (tmp_path / "down" / "champions").rglob("champion.json")
        for pointer in pointers:
            pointer.write_text(pointer.read_text().replace(models.tracking_uri, down.tracking_uri))
        down = replace(down, cache=tmp_path / "down" / "champions")
        spoil_store(down)
        stale = score(signals, ["blurry", "weapon"], down, catalog.store, settings)
        assert stale.frame.equals(fresh.frame)
        assert stale.versions == fresh.versions
        assert any("using the cached champion 1" in note for note in stale.notes)
        assert any("no champion is cached of weapon" in note for note in stale.notes)

    def test_training_fails_clearly_while_the_registry_is_down(
        self, reports, catalog, warehouse, settings, tmp_path
    ) -> None:
        down = ModelRegistry(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")
        spoil_store(down)
        with pytest.raises(RegistryUnavailable, match="did not answer"):
            train_flag_model("blurry", warehouse, down, catalog.store, settings)

    def test_a_model_for_other_signals_assesses_nothing(
        self, reports, catalog, models, settings, tmp_path
    ) -> None:
        other = settings.model_copy(
            update={"vision": VisionSettings(backbone=write_backbone(tmp_path), workers=1)}
        )
        signals = catalog.signals(settings.vision).head(5)
        scores = score(signals, ["blurry"], models, catalog.store, other)
        assert (scores.frame.height, scores.versions) == (0, {})
        (note,) = scores.notes
        assert "the champion of 'blurry' reads signals" in note
        assert "not assessed, run `imgassets train blurry`" in note

    def test_a_corrupted_champion_stops_scoring(
        self, reports, catalog, models, settings, signals, tmp_path
    ) -> None:
        uncached = replace(models, cache=tmp_path)
        path = models.download("placeholder", 1) / "head.skops"
        intact = path.read_bytes()
        path.write_bytes(intact[:-1])
        try:
            with pytest.raises(CorruptedModel, match="placeholder version 1"):
                score(signals, ["placeholder"], uncached, catalog.store, settings)
        finally:
            path.write_bytes(intact)

    def test_new_labels_retrain(self, reports, catalog, warehouse, models, settings) -> None:
        before = warehouse.read(FlagLabels)
        more = catalog.labels(catalog.of("").head(6), "blurry")
        warehouse.replace(
            [Replacement(FlagLabels, pl.concat([before, more]))], CommitMessage(asset="test")
        )
        report = train_flag_model("blurry", warehouse, models, catalog.store, settings)
        assert (report.version.version, report.retrained) == (2, True)
        assert "champion 1" in report.explanation
        assert models.champion("blurry").version == (2 if report.promoted else 1)

    def test_unknown_flags_and_empty_warehouses(self, catalog, settings, models, tmp_path) -> None:
        empty = Warehouse(f"ducklake:sqlite:{tmp_path}/c.sqlite", f"{tmp_path}/data")
        with pytest.raises(ValueError, match="unknown flag nonsense; known are"):
            train_flag_model("nonsense", empty, models, catalog.store, settings)
        empty.initialise()
        with pytest.raises(TrainingError, match="run `imgassets backfill` first"):
            train_flag_model("blurry", empty, models, catalog.store, settings)


def mug(side: int, tone: int) -> np.ndarray:
    """A plain mug on white: one soft gradient, a handle, nothing else."""
    picture = np.full((side, side, 3), 255, np.uint8)
    left, right = round(side * 0.22), round(side * 0.68)
    top, bottom = round(side * 0.15), round(side * 0.85)
    middle = (round(side * 0.7), side // 2)
    size = (round(side * 0.16), round(side * 0.2))
    cv2.ellipse(picture, middle, size, 0, 0, 360, (tone - 20,) * 3, round(side * 0.05), cv2.LINE_AA)
    shade = np.linspace(tone, tone - 40, right - left).astype(np.uint8)
    picture[top:bottom, left:right] = shade[None, :, None]
    return picture


def bottle(side: int, tone: int) -> np.ndarray:
    """A smooth bottle: shoulders, a cap, light across."""
    picture = np.full((side, round(side * 0.7), 3), 255, np.uint8)
    points = np.array([(0.4, 0.16), (0.6, 0.16), (0.6, 0.28), (0.78, 0.4), (0.78, 0.95),
                       (0.22, 0.95), (0.22, 0.4), (0.4, 0.28)])  # fmt: skip
    shape = np.zeros(picture.shape[:2], np.uint8)
    outline = np.round(points * (picture.shape[1], side)).astype(np.int32)
    cv2.fillPoly(shape, [outline], 255, cv2.LINE_AA)
    across = np.sin(np.linspace(0.3, np.pi - 0.3, picture.shape[1]))
    body = np.array((tone, tone * 0.9, tone * 0.6))[None, None] * across[None, :, None]
    weight = shape[..., None] / 255
    picture = np.clip(picture * (1 - weight) + body * weight, 0, 255).astype(np.uint8)
    cap = (
        slice(round(side * 0.05), round(side * 0.16)),
        slice(round(picture.shape[1] * 0.38), round(picture.shape[1] * 0.62)),
    )
    picture[cap] = 40
    return picture


def shirt(side: int, tone: int) -> np.ndarray:
    """A T-shirt of one colour, with a seam at the hem and soft folds."""
    picture = np.full((side, side, 3), 255, np.uint8)
    half = np.array([(0.14, 0.08), (0.45, 0.25), (0.36, 0.42), (0.26, 0.36), (0.26, 0.94)])
    points = np.concatenate([half, half[::-1] * (-1, 1)]) + np.array([0.5, 0.0])
    shape = np.zeros((side, side), np.uint8)
    cv2.fillPoly(shape, [np.round(points * side).astype(np.int32)], 255, cv2.LINE_AA)
    rows, columns = np.mgrid[:side, :side] / side
    folds = 1 + 0.05 * np.sin(14 * columns + 5 * rows) + 0.04 * np.sin(9 * rows)
    body = np.array((tone * 0.5, tone * 0.7, tone)) * folds[..., None]
    weight = shape[..., None] / 255
    picture = np.clip(picture * (1 - weight) + body * weight, 0, 255).astype(np.uint8)
    hem = round(side * 0.91)
    picture[hem : hem + 2, round(side * 0.24) : round(side * 0.76)] //= 2
    cv2.ellipse(picture, (side // 2, round(side * 0.08)), (round(side * 0.13), round(side * 0.06)),
                0, 0, 180, (90, 90, 90), 3, cv2.LINE_AA)  # fmt: skip
    return picture


@pytest.mark.soak
class TestUniformProducts:
    """The known trap of other tools: plain, sharp, high-resolution photographs called blurry."""

    @pytest.fixture(scope="class")
    def plain(self) -> dict[str, np.ndarray]:
        drawn = {
            f"{draw.__name__}-{side}-{tone}": draw(side, tone)
            for draw in (mug, bottle, shirt)
            for side in (900, 1800)
            for tone in (90, 215)
        }
        base = np.full((1200, 1000, 3), 255, np.uint8)
        made = {f"made-{i}": make(base, "uniform_product", 0.8, i) for i in range(8)}
        return {**drawn, **made}

    @pytest.fixture(scope="class")
    def judged(self, plain, reports, models, settings, tmp_path_factory):
        """Return flag → share flagged of (the plain pictures, the same really blurred)."""
        store = ImageStore(str(tmp_path_factory.mktemp("plain")))
        names = {}
        for name, picture in plain.items():
            blurred = cv2.GaussianBlur(picture, (0, 0), max(picture.shape) / 90)
            for kind, shown in (("plain", picture), ("blurred", blurred)):
                buffer = io.BytesIO()
                Image.fromarray(shown).save(buffer, "JPEG", quality=92)
                names[store.put(buffer.getvalue())] = (kind, name)
        signals = compute_signals(list(names), store.get, settings.vision).signals
        signals = signals.with_columns(signals_version=pl.lit(signals_version(settings.vision)))
        scores = score(signals, ["blurry", "placeholder"], models, store, settings)
        return {
            flag: {
                kind: {names[i][1]: hit for i, hit in found(scores, flag).items()
                       if names[i][0] == kind}
                for kind in ("plain", "blurred")
            }
            for flag in ("blurry", "placeholder")
        }  # fmt: skip

    def drawn(self, judged, flag: str, kind: str) -> list[str]:
        """Return the flagged pictures that were drawn here, not by what the models learnt from."""
        hits = judged[flag][kind]
        assert len(hits) == 20
        return [name for name, hit in hits.items() if hit and not name.startswith("made")]

    @pytest.mark.parametrize("flag", ["blurry", "placeholder"])
    def test_plain_pictures_pass(self, judged, flag) -> None:
        assert self.drawn(judged, flag, "plain") == []

    def test_the_same_pictures_out_of_focus_do_not(self, judged) -> None:
        assert len(self.drawn(judged, "blurry", "blurred")) == 12

    def test_so_do_the_plainest_that_there_are(self, judged) -> None:
        """Bare sheets and panels: even people may take one of them for a placeholder."""
        made = {
            flag: sum(hit for name, hit in judged[flag]["plain"].items() if name.startswith("made"))
            for flag in judged
        }
        assert made["blurry"] == 0
        assert made["placeholder"] <= 2
