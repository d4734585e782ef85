"""The commands about causal impact, on simulated engagement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imgassets.sample.engagement import FIRST_LIVE, SampleEngagement, write_sample_engagement
from tests.command import run_command
from tests.impact_home import LIFTED, UNTOUCHED


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def files(home: Path) -> SampleEngagement:
    live = {(category, f"{category}-1"): FIRST_LIVE for category in (LIFTED, UNTOUCHED)}
    return write_sample_engagement(home / "files", live)


def impact(home: Path, *arguments: str) -> tuple[int, str, str]:
    done = run_command("impact", *arguments, environment={"IMGASSETS_HOME": str(home)})
    return done.returncode, done.stdout, done.stderr


@pytest.mark.soak
def test_files_are_taken_in_estimated_and_reported(home: Path, files: SampleEngagement) -> None:
    code, _, err = impact(home, "report")
    assert code == 1
    assert "imgassets impact run" in err
    named = ("--engagement", str(files.engagement), "--interventions", str(files.interventions))
    code, out, err = impact(home, "ingest", *named)
    assert code == 0, err
    assert f"{files.n_rows} new, 0 replaced, 0 known already, 0 rows refused" in out
    assert "1 files of interventions taken in" in out
    code, out, _ = impact(home, "ingest", *named)
    assert (code, out.count("seen before: nothing to do")) == (0, 2)

    code, out, err = impact(home, "run")
    assert code == 0, err
    assert f"2 categories estimated as of {files.last_day}: 8 cells, 0 refused" in out

    code, out, _ = impact(home, "report", "--category", LIFTED)
    assert code == 0
    assert out.index("first three weeks") < out.index("after two, four and six weeks")
    assert "rise" in out
    assert UNTOUCHED not in out

    code, out, _ = impact(home, "report", "--format", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert {(row["category"], row["weeks"]) for row in rows} == {
        (category, weeks) for category in (LIFTED, UNTOUCHED) for weeks in (1, 2, 3, 4, 6)
    }
    lifted = [
        r for r in rows if (r["category"], r["metric"], r["weeks"]) == (LIFTED, "add_to_cart", 6)
    ]
    assert lifted[0]["lower_percent"] < 20 < lifted[0]["upper_percent"]
    code, _, err = impact(home, "report", "--day", str(FIRST_LIVE))
    assert code == 1
    assert "nothing is estimated" in err


def test_wrong_requests_are_one_line_with_the_remedy(home: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    for arguments, said in (
        (("ingest",), "--engagement or --interventions"),
        (("ingest", "--engagement", "nowhere.csv"), "no such file or folder"),
        (("run",), "imgassets impact ingest --engagement FILE"),
    ):
        code, _, err = impact(empty, *arguments)
        assert code == 1
        assert said in err
        assert len(err.splitlines()) == 1


def test_what_is_wrong_with_the_data_is_said(home: Path, tmp_path: Path) -> None:
    engagement, live = tmp_path / "e.csv", tmp_path / "i.csv"
    engagement.write_text(
        "product_id,category,day,orders\np,hats,2026-01-01,3\np,hats,2026-01-03,2\np,hats,x,1\n"
    )
    live.write_text("product_id,category,intervention_date\np,hats,2025-01-01\n")
    code, out, err = impact(
        tmp_path / "home", "ingest", "--engagement", str(engagement), "--interventions", str(live)
    )
    assert code == 0
    assert "2 new, 0 replaced, 0 known already, 1 rows refused" in out
    assert "1 of 3 days are missing in the engagement of hats" in err
    assert "interventions in hats outside its engagement" in err


@pytest.mark.soak
def test_one_series_of_ones_own_is_estimated_and_drawn(tmp_path: Path) -> None:
    series = tmp_path / "sales.csv"
    noise = [((37 * n) % 11) / 5 for n in range(40)]
    rows = [f"2026-01-{n + 1:02}" if n < 31 else f"2026-02-{n - 30:02}" for n in range(40)]
    series.write_text(
        "day,sales,control,flat\n"
        + "".join(
            f"{day},{100 + 3 * x + (20 if n >= 30 else 0) + (n % 3)},{50 + x},1\n"
            for n, (day, x) in enumerate(zip(rows, noise, strict=True))
        )
    )
    panels = tmp_path / "panels.png"
    spans = ("--pre", "2026-01-01", "2026-01-30", "--post", "2026-01-31", "2026-02-09")
    code, out, err = impact(tmp_path, "estimate", str(series), *spans, "--plot", str(panels))
    assert code == 0, err
    assert "Posterior tail-area probability" in out
    assert "flat does not vary before the intervention: left out" in err
    assert panels.read_bytes().startswith(b"\x89PNG")
    code, _, err = impact(
        tmp_path, "estimate", str(series), "--pre", "2025-01-01", "2026-01-30", *spans[3:]
    )
    assert code == 1
    assert "pre_period: 2025-01-01 is not in the data, from 2026-01-01 to 2026-02-09" in err
