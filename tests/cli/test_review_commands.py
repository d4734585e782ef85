from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from imgassets.cli import app, review
from imgassets.operations.reviews import add_tasks, known_pairs
from imgassets.selection.thresholds import read_thresholds
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComparedPairs,
    FlagLabels,
    ImageTypes,
    ReviewAnswers,
    TypePriorities,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.moderation.people import NOW, image, task, tasks


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.setenv("IMGASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    of = Settings()
    lake = Warehouse(of.warehouse, of.warehouse_data)
    lake.initialise()
    return lake


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> tuple[io.StringIO, io.StringIO]:
    """Return what the review's commands print: the result, and remarks."""
    streams = io.StringIO(), io.StringIO()
    for name, stream in zip(("console", "errors"), streams, strict=True):
        monkeypatch.setattr(review, name, Console(file=stream, width=200))
    return streams


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_export_answer_import_status(warehouse: Warehouse, printed: tuple) -> None:
    assert run("review", "status").exit_code == 0
    add_tasks(warehouse, tasks(*(task(n) for n in range(3))))
    done = run("review", "export", "tasks.csv", "--flag", "weapon", "--limit", "2")
    assert done.exit_code == 0, done.output
    frame = pl.read_csv("tasks.csv", infer_schema=False)
    unknown = frame.head(1).with_columns(task_id=pl.lit("f" * 16), flag=pl.lit("none"))
    pl.concat([frame, unknown]).with_columns(answer=pl.lit("Y")).write_csv("answers.csv")

    refused = run("review", "import", "answers.csv", "--reviewer", "ann")
    assert refused.exit_code != 0
    assert "line 4: there is no task 'ffffffffffffffff'" in str(refused.exception)
    assert warehouse.read(ReviewAnswers).is_empty()
    for added in (2, 0):
        taken = run("review", "import", "answers.csv", "--reviewer", "ann", "--skip-unknown")
        assert taken.exit_code == 0, taken.output
        answers = warehouse.read(ReviewAnswers)
        assert answers.height == 2, added
    assert answers["reviewer"].unique().to_list() == ["ann"]
    assert run("review", "status").exit_code == 0
    result, remarks = (stream.getvalue() for stream in printed)
    for line in (
        "2 tasks written to tasks.csv",
        "2 answers imported, 0 seen before, 0 questions unanswered, 1 skipped",
        "0 answers imported, 2 seen before, 0 questions unanswered, 1 skipped",
        "no tasks yet",
    ):
        assert line in result
    assert "skipped: line 4: there is no task" in remarks
    assert "2 pictures have no URL" in remarks
    assert result.splitlines()[-2].split("│")[1:4] == [" weapon ", " 1    ", " 2        "]


def test_types_asks_and_status_counts_by_category(warehouse: Warehouse, printed: tuple) -> None:
    key = {"day": NOW.date(), "product_id": "P1", "image_id": image(1)}
    about = {
        **key, "suppliers": ["s"], "image_urls": ["u"], "best_position": 1, "is_curated": False,
        "format": "JPEG", "width": 9, "height": 9, "byte_size": 9, "mode": "rgb", "bit_depth": 8,
        "frames": 1, "first_seen": NOW.date(),
    }  # fmt: skip
    typed = {
        **key, "image_type": "unsure", "probability": 0.4, "approach": "logistic",
        "model_version": "3", "answered_by": "global", "best_guess": "front",
    }  # fmt: skip
    rows = {
        AggregatedImages: [{**about, "category": "hats"}],
        ImageTypes: [{**typed, "category": "hats"}, {**typed, "category": "toys"}],
        TypePriorities: [{"category": "hats", "image_type": "front", "rank": 1}],
    }
    warehouse.replace(
        [
            Replacement(contract, pl.DataFrame(of, schema=contract.create_empty().schema))
            for contract, of in rows.items()
        ],
        CommitMessage(asset="test"),
    )
    assert run("review", "types").exit_code == 0
    where = ("--image-url-prefix", "http://host/store")
    assert run("review", "export", "tasks.csv", "--flag", "image_type", *where).exit_code == 0
    frame = pl.read_csv("tasks.csv", infer_schema=False)
    frame.with_columns(answer=pl.lit("none")).write_csv("answers.csv")
    assert run("review", "import", "answers.csv", "--reviewer", "ann").exit_code == 0
    assert run("review", "status").exit_code == 0
    failed = run("review", "types", "--category", "shoes")
    assert "no typed images of category shoes (there are: hats, toys)" in str(failed.exception)
    result, remarks = (stream.getvalue() for stream in printed)
    assert "hats: 1 new questions\n1 new questions: `imgassets review serve`" in result
    cells = [cell.strip() for cell in result.splitlines()[-2].split("│")[1:6]]
    assert cells == ["hats", "0", "1", "1", "0"]
    assert remarks == ""


def test_pairs_asks_and_status_counts_by_category(warehouse: Warehouse, printed: tuple) -> None:
    left, right = sorted((image(1), image(2)))
    key = {"day": NOW.date(), "category": "hats", "product_id": "P1"}
    about = {
        **key, "suppliers": ["s"], "image_urls": ["u"], "best_position": 1, "is_curated": False,
        "format": "JPEG", "width": 9, "height": 9, "byte_size": 9, "mode": "rgb", "bit_depth": 8,
        "frames": 1, "first_seen": NOW.date(),
    }  # fmt: skip
    limit = read_thresholds().of("hats").same_probability
    pair = {
        **key, "left_image_id": left, "right_image_id": right, "image_type": "front", "same": True,
        "probability": limit, "decided_by": "pixels", "left_box": [0.0, 0.0, 1.0, 1.0],
        "right_box": [0.0, 0.0, 1.0, 1.0], "comparator_version": "v",
    }  # fmt: skip
    rows = {
        AggregatedImages: [{**about, "image_id": left}, {**about, "image_id": right}],
        ComparedPairs: [pair],
    }
    warehouse.replace(
        [
            Replacement(contract, pl.DataFrame(of, schema=contract.create_empty().schema))
            for contract, of in rows.items()
        ],
        CommitMessage(asset="test"),
    )
    assert run("review", "pairs", "--category", "hats").exit_code == 0
    add_tasks(warehouse, tasks(task(1)))
    assert run("review", "export", "tasks.json").exit_code == 0
    assert run("review", "export", "tasks.csv", "--flag", "same_picture").exit_code == 0
    frame = pl.read_csv("tasks.csv", infer_schema=False)
    frame.with_columns(answer=pl.lit("different")).write_csv("answers.csv")
    assert run("review", "import", "answers.csv", "--reviewer", "ann").exit_code == 0
    assert known_pairs(warehouse).rows() == [(left, right, False)]
    assert run("review", "status").exit_code == 0
    failed = run("review", "pairs", "--category", "shoes")
    assert "no compared images of category shoes (there are: hats)" in str(failed.exception)
    result, remarks = (stream.getvalue() for stream in printed)
    assert "hats: 1 new questions\n1 new questions: `imgassets review serve`" in result
    (line,) = (line for line in result.splitlines() if line.startswith("│ hats"))
    assert [cell.strip() for cell in line.split("│")[1:6]] == ["hats", "0", "1", "0", "1"]
    assert "1 tasks about pairs left out: a Label Studio project shows one picture or" in remarks


def test_an_unknown_flag_is_named(warehouse: Warehouse) -> None:
    failed = run("review", "export", "tasks.csv", "--flag", "wepon")
    assert "unknown flag wepon; known are adult" in str(failed.exception)


def test_labels_import_knows_flags_by_their_column(warehouse: Warehouse) -> None:
    Path("flags.csv").write_text("product_id,image_url,flag\np,a.jpg,weapon\n")
    assert run("labels", "import", "flags.csv").exit_code == 0
    assert warehouse.read(FlagLabels)["flag"].to_list() == ["weapon"]
    Path("flags.csv").write_text("product_id,image_url,flag\np,a.jpg,wepon\n")
    failed = run("labels", "import", "flags.csv")
    assert "unknown flag, known are adult" in str(failed.exception)
    Path("more.toml").write_text('[wepon]\ngroup="compliance"\nquestion="?"\ntitle="w"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMGASSETS_FLAGS", "more.toml")
        assert run("labels", "import", "flags.csv").exit_code == 0
