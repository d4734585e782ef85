"""Flags from labels to image sets and back, through the command line on a small catalog."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from typer.testing import CliRunner

from imgassets.cli import app
from imgassets.cli.common import open_warehouse
from imgassets.cli.training import _expand
from imgassets.definitions import defs
from imgassets.defs.partitions import round_key
from imgassets.defs.resources import build_resources
from imgassets.defs.runner import add_round, run_job
from imgassets.gallery import GalleryData
from imgassets.moderation.flags import builtin_flags
from imgassets.moderation.tasks import task_id
from imgassets.operations.flags import labelled_flags
from imgassets.operations.gallery import collect
from imgassets.operations.planning import fingerprints, plan, stale_partitions
from imgassets.operations.reviews import add_tasks, record_answer
from imgassets.sample import SampleCatalog
from imgassets.settings import ReviewSettings, Settings
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComplianceFlags,
    FetchedImages,
    FlagAssessments,
    OrderedImageSets,
    QualityScores,
    Quarantine,
    ReviewRounds,
    ReviewTasks,
    SupplierOffers,
)
from imgassets.warehouse.lake import Warehouse
from tests.command import run_command
from tests.moderation.people import NOW

# Six minutes: the README's test trains flags and runs a round, too.
pytestmark = [pytest.mark.slow, pytest.mark.soak]

DAY = "2026-01-05"
SUSPECT = "laptop"
"""The category whose pictures are called weapons."""

COMPLIANCE = [flag.id for flag in builtin_flags().values() if flag.group == "compliance"]
UNCHANGING = (AggregatedImages, SupplierOffers, FetchedImages)


class Shop:
    """A home on the sample catalog, and its command line."""

    def __init__(self, home: Path, sample: SampleCatalog) -> None:
        self.home = home
        self.sample = sample
        self.settings = Settings(
            home=home, review=ReviewSettings(tasks_per_round=10, min_rejections=2)
        )
        self.warehouse: Warehouse = open_warehouse(self.settings)

    def run(self, *arguments: str, code: int = 0, **variables: str) -> str:
        done = run_command(
            *arguments,
            environment={
                "IMGASSETS_HOME": str(self.home),
                "IMGASSETS_REVIEW__TASKS_PER_ROUND": "10",
                "IMGASSETS_REVIEW__MIN_REJECTIONS": "2",
                **variables,
            },
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr if code else done.stdout

    def backfill(self) -> str:
        return self.run("backfill", "--to", DAY)

    def stale(self) -> set[tuple[str, str]]:
        """Return the partitions of the day that are to be run."""
        found = stale_partitions(self.warehouse, fingerprints(self.warehouse, self.settings))
        keys = found.select(pl.col("day").cast(pl.String), "category").iter_rows()
        return {(day, category) for day, category in keys if day == DAY}

    def references(self, category: str) -> pl.DataFrame:
        """Return product_id, image_url, image_id of images that no other category has, too."""
        fetched = self.warehouse.read(FetchedImages)
        elsewhere = fetched.filter(pl.col("category") != category)  # placeholders, shared by all
        return (
            fetched.filter(category=category)
            .join(elsewhere, on="image_id", how="anti")
            .sort("product_id", "image_url")
            .unique("image_id", keep="first", maintain_order=True)
            .select("product_id", "image_url", "image_id")
        )

    def label(self, flag: str, references: pl.DataFrame, value: str = "yes") -> None:
        path = self.home / "labels.csv"
        references.select(
            "product_id", "image_url", flag=pl.lit(flag), value=pl.lit(value)
        ).write_csv(path)
        self.run("labels", "import", str(path))

    def decisions(self) -> dict[str, dict]:
        """Return rows of view image_decisions by image_id, of the suspected category."""
        found = self.warehouse.sql(
            f"SELECT image_id, decision, rule_id, reason FROM image_decisions "
            f"WHERE category = '{SUSPECT}'"
        )
        return {row["image_id"]: row for row in found.to_dicts()}

    def shown(self) -> set[str]:
        return set(self.warehouse.read(OrderedImageSets)["image_id"])

    def said(self) -> set[tuple[str, str]]:
        """Return (image_id, status) of view image_compliance for the flag 'weapon'."""
        found = self.warehouse.sql(
            "SELECT image_id, status FROM image_compliance WHERE flag = 'weapon'"
        )
        return set(found.iter_rows())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, sample: SampleCatalog) -> Shop:
    """A home after its first backfill, which a label came before."""
    made = Shop(tmp_path_factory.mktemp("home"), sample)
    made.run("ingest", str(sample.feeds), "--image-base", str(sample.folder))
    truth = pl.read_csv(sample.truth / "images.csv").filter(first_day=DAY, defects="blurry")
    made.label("blurry", truth.head(1), "no")
    made.backfill()
    return made


def before_any_model(shop: Shop) -> None:
    assert "nothing to do" in shop.backfill(), "labels imported before count from the start"
    found = shop.warehouse.read(FlagAssessments)
    assert set(found["flag"]) == set(COMPLIANCE)
    assert set(found["status"]) == {"not_assessed"}
    assert set(found["category"]) == {"backpack", "laptop", "t-shirt", "tablet"}
    statuses = shop.warehouse.sql("SELECT DISTINCT status FROM image_compliance")["status"]
    assert statuses.to_list() == ["not_assessed"]
    assert shop.warehouse.read(ComplianceFlags).is_empty()
    people = shop.warehouse.read(QualityScores).filter(
        pl.col("judged_by").list.contains("blurry: people")
    )
    assert people["passed"].to_list() == [True], "people overrule the rule"
    assert (people["p_blurry"] > 0.5).all(), "which would have called it blurry"


def a_model_takes_images_out(shop: Shop) -> dict[str, pl.DataFrame]:
    shirts = shop.references(SUSPECT)
    shop.label("weapon", shirts)
    assert shop.stale() == {(DAY, SUSPECT)}, "what people say concerns the categories of the image"
    said = shop.run("train")
    assert "weapon version 1" in said, "without arguments: what is labelled 'yes'"
    assert "blurry" not in said
    shop.run("models", "promote", "weapon", "1")
    assert len(shop.stale()) == 4, "a new champion concerns everything"
    shop.backfill()
    rejected = shop.warehouse.read(ComplianceFlags).filter(decision="rejected")
    assert set(shirts["image_id"]) <= set(rejected["image_id"])
    assert not shop.shown() & set(rejected["image_id"])
    for contract in (AggregatedImages, QualityScores):
        kept = shop.warehouse.read(contract).filter(category=SUSPECT)
        assert set(kept["image_id"]) >= set(rejected.filter(category=SUSPECT)["image_id"])
    refused = shop.warehouse.read(Quarantine).filter(stage="compliance")
    key = ["day", "category", "product_id", "image_id"]
    of_rows = refused.select(*key, flag="rule_id").rows()
    assert sorted(of_rows) == sorted(rejected.select(*key, "flag").rows())
    assert all(all(r) for r in refused.select("measured", "limit", "detail", "image_url").rows())
    decisions = shop.decisions()
    for image in shirts["image_id"]:
        row = decisions[image]
        assert (row["decision"], row["rule_id"]) == ("left_out", "weapon")
        assert row["reason"] == "weapon: people say so"
        assert (image, "rejected") in shop.said()
    page: GalleryData = collect(shop.warehouse)
    why = page.left_out.filter(pl.col("image_id").is_in(shirts["image_id"].to_list()))
    assert set(why["rule"]) == {"weapon"}
    assert set(why["reason"]) == {"weapon: people say so"}
    assert page.summary["refused by compliance"] >= shirts.height
    assessed = shop.warehouse.read(FlagAssessments).filter(status="assessed")
    assert set(assessed["flag"]) == {"weapon"}
    return {c.table_name(): shop.warehouse.read(c) for c in UNCHANGING}


def people_bring_an_image_back(shop: Shop) -> None:
    decided = shop.decisions()
    spared = shop.references(SUSPECT)["image_id"][0]
    model_says = dict(
        shop.warehouse.read(ComplianceFlags).select("image_id", "probability").iter_rows()
    )
    assert model_says[spared] > 0.5, "the model is sure"
    others = {
        c.table_name(): shop.warehouse.read(c).filter(pl.col("category") != SUSPECT)
        for c in (OrderedImageSets, ComplianceFlags, FlagAssessments, QualityScores, Quarantine)
    }
    task = {
        "task_id": task_id("weapon", spared), "image_id": spared, "flag": "weapon",
        "question": builtin_flags()["weapon"].question, "category": SUSPECT, "product_id": "p",
        "round": 0, "reason": "confident", "why": "", "probability": 0.99, "model_version": "1",
        "priority": 1.0, "neighbours": [],
    }  # fmt: skip
    schema = ReviewTasks.create_empty().schema
    add_tasks(shop.warehouse, pl.DataFrame([task], schema=schema))
    assert shop.stale() == set()
    record_answer(shop.warehouse, str(task["task_id"]), "no", "ann", NOW)
    assert shop.stale() == {(DAY, SUSPECT)}
    to_run = plan(shop.warehouse, shop.settings, last=dt.date.fromisoformat(DAY))
    assert to_run.categories == [SUSPECT]
    assert "1 partitions done" in shop.backfill()
    assert shop.stale() == set()

    assert not set(shop.warehouse.read(ComplianceFlags)["image_id"]) & {spared}
    assert (spared, "clear") in shop.said()
    now = shop.decisions()
    assert now[spared]["rule_id"] != "weapon"
    assert {i for i in now if now[i]["rule_id"] != decided[i]["rule_id"]} == {spared}
    for name, before in others.items():
        contract = next(
            c for c in (OrderedImageSets, ComplianceFlags, FlagAssessments, QualityScores,
                        Quarantine) if c.table_name() == name
        )  # fmt: skip
        after = shop.warehouse.read(contract).filter(pl.col("category") != SUSPECT)
        assert after.equals(before), name


def test_flags_take_images_out_and_people_bring_them_back(shop: Shop) -> None:
    before_any_model(shop)
    unchanging = a_model_takes_images_out(shop)
    people_bring_an_image_back(shop)
    for contract in UNCHANGING:
        assert shop.warehouse.read(contract).equals(unchanging[contract.table_name()])


@pytest.fixture
def in_dagster(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict]:
    """Return a runner of a job's partition, which returns its asset's metadata."""
    monkeypatch.setenv("IMGASSETS_HOME", str(shop.home))
    monkeypatch.setenv("IMGASSETS_REVIEW__TASKS_PER_ROUND", "10")

    def run(job: str, asset: str, key: str, **options: bool) -> dict:
        with dg.instance_for_test() as instance:
            add_round(instance, key)
            done = run_job(
                defs(), instance, job, verbose=False, partition_key=key, **options
            )  # fmt: skip
            (event,) = done.asset_materializations_for_node(asset)
            assert event.partition == key
            return {name: value.value for name, value in event.metadata.items()}

    return run


def test_a_round_is_a_partition_with_counts_and_measures(
    shop: Shop, in_dagster: Callable[..., dict]
) -> None:
    shop.label("hateful_symbol", shop.references(SUSPECT))
    found = in_dagster("round_job", "review_rounds", round_key("hateful_symbol", 1))
    (row,) = shop.warehouse.read(ReviewRounds).filter(flag="hateful_symbol").to_dicts()
    counts = {name: value for name, value in row.items() if isinstance(value, int | str)}
    assert {name: found[name] for name in counts} == counts
    if row["f1"] is not None:
        assert found["precision"] == pytest.approx(row["precision"])
    assert found["why"]
    trained = in_dagster("flag_training_job", "flag_model", "hateful_symbol")
    assert str(trained["version"]) == row["model_version"], "the same examples, the same version"
    assert build_resources(shop.settings)["registry"].versions("hateful_symbol")


@pytest.mark.soak
def test_rounds_on_the_command_line(shop: Shop) -> None:
    for command in (("review", "round", "drugs"), ("train", "drugs")):
        said = shop.run(*command, code=1)
        assert "'drugs' needs 3 images that deserve it" in said
        assert "there are 0 of 0, besides 0 held out to test on: import labels" in said
        assert len(said.splitlines()) == 1
    shop.label("drugs", shop.references("tablet").head(1))
    said = shop.run("review", "round", "drugs", code=1)
    assert "there are 0 of 0, besides 1 held out" in said
    assert len(said.splitlines()) == 1
    assert "round 1 of 'drugs' comes before round 3" in shop.run(
        "review", "round", "drugs", "--number", "3", code=1
    )
    assert "unknown flag wepon; known are" in shop.run("review", "round", "wepon", code=1)
    unknown = shop.run("train", "wepon", code=1)
    assert "unknown model wepon (known: image_type, quality, types, all, blurry" in unknown


def test_which_models_train_means(shop: Shop) -> None:
    labelled = labelled_flags(shop.warehouse)
    assert "weapon" in labelled
    quality = ["blurry", "small_object", "placeholder"]
    drawn = [flag.id for flag in builtin_flags().values() if flag.defects]
    assert _expand(shop.settings, None) == labelled, "no image types are labelled"
    assert _expand(shop.settings, ["quality"]) == quality
    assert _expand(shop.settings, ["weapon", "quality", "blurry"]) == ["weapon", *quality]
    everything = _expand(shop.settings, ["all"])
    assert everything == list(dict.fromkeys([*drawn, *labelled]))
    shop.run("labels", "import", str(shop.sample.labels))
    assert _expand(shop.settings, None) == ["image_type", *labelled]
    assert _expand(shop.settings, ["all"]) == ["image_type", *everything]


def test_help_teaches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for arguments, words in (
        (["train"], ["image_type, flags", "quality: its three flags", "only if it beats"]),
        (["review", "round"], ["ask people", "The first round needs a few labelled images"]),
        (["backfill"], ["models or people's answers changed"]),
    ):
        shown = " ".join(CliRunner().invoke(app, [*arguments, "--help"]).output.split())
        for word in words:
            assert word in shown, shown
