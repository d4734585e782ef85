"""What the commands about ranked review photos print."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from imgassets.operations.photo_ranker import PhotoRanker
from imgassets.operations.review_ranks import rank_partitions
from imgassets.reviews.prompt import builtin_limits
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition
from tests.command import run_command
from tests.review_rows import Told, signals

DAY = dt.date(2026, 1, 5)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    told = Told(Warehouse(settings.warehouse, settings.warehouse_data), settings)
    rows = [
        {"product_id": f"p{n % 4}", "review_id": f"r{n}", "impressions": 200,
         "helpful_votes": None if n == 5 else 40 - n}
        for n in range(16)
    ]  # fmt: skip
    place = pl.int_range(pl.len())
    told.tell(DAY, rows, features=signals(20).with_columns(bright=230 - 8 * place))
    ranker = PhotoRanker(builtin_limits())
    rank_partitions(told.warehouse, settings, ranker, [Partition(DAY, "tablet")])
    return settings.home


def command(home: Path, *words: str, code: int = 0) -> str:
    done = run_command("reviews", *words, environment={"IMGASSETS_HOME": str(home)})
    assert done.returncode == code, done.stderr
    return " ".join((done.stdout + done.stderr).split())


def test_the_report_says_what_the_votes_are(home: Path) -> None:
    said = command(home, "report", "--note", "votes are made up")
    assert "limits-1 against votes per impression (votes are made up): 15 photos, 1 without" in said
    for method in ("ranker", "rules", "resolution", "sharpness", "random"):
        assert f"│ {method} │" in said
    rows = [json.loads(line) for line in run_command(
        "reviews", "report", "--format", "json", environment={"IMGASSETS_HOME": str(home)},
    ).stdout.splitlines()]  # fmt: skip
    (own,) = [row for row in rows if row["method"] == "ranker" and row["slice"] == "all"]
    assert own["photos"] == 15
    assert own["pearson_lower"] < own["pearson"] < own["pearson_upper"]
    assert own["note"] == ""


def test_a_products_photos_the_best_first(home: Path) -> None:
    said = command(home, "top", "p1")
    assert said.index("│ r1 ") < said.index("│ r5 ") < said.index("│ r13 ")
    # As json: a table of a narrow terminal breaks sentences.
    assert builtin_limits()["dark"].advice in command(home, "top", "p1", "--format", "json")
    assert "no ranked review photo of product nobody" in command(home, "top", "nobody", code=1)


def test_what_is_up_to_date_costs_nothing(home: Path) -> None:
    assert "nothing to do: 1 partitions are up to date" in command(home, "rank")
    assert "no review photo of category hats" in command(home, "rank", "--category", "hats", code=1)


def test_before_anything_is_known_the_remedy_is_named(tmp_path: Path) -> None:
    assert "imgassets reviews ingest" in command(tmp_path, "rank", code=1)
    assert "imgassets reviews rank" in command(tmp_path, "report", code=1)
