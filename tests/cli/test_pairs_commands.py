"""`imgassets pairs tune` as a user types it."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from imgassets.selection.thresholds import read_thresholds
from tests.command import run_command


def draw(path: Path, seed: int, scale: float = 1.0) -> str:
    """Draw a picture of coloured shapes; equal seeds give the same picture."""
    rng = np.random.default_rng(seed)
    picture = np.full((160, 120, 3), 255, np.uint8)
    for _ in range(5):
        colour = tuple(rng.integers(0, 220, 3).tolist())
        centre, axes = rng.integers(25, 100, 2).tolist(), rng.integers(8, 40, 2).tolist()
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), picture)
    return path.name


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Return a folder with the pictures 0 … 5, each as N.jpg and, smaller, as Ns.jpg."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(6):
        draw(folder / f"{k}.jpg", k)
        draw(folder / f"{k}s.jpg", k, 0.7)
    (folder / "broken.jpg").write_bytes((folder / "0.jpg").read_bytes()[:300])
    return folder


ROWS = [
    *(f"{k}.jpg,{k}s.jpg,1,tune,cups" for k in range(4)),
    *(f"{k}.jpg,{k + 1}s.jpg,0,tune,cups" for k in range(4)),
    "4.jpg,4s.jpg,duplicate,test,cups",
    "4.jpg,5s.jpg,different,Test,cups",
    "5.jpg,5s.jpg,same,,mugs",
    "5.jpg,0s.jpg,different,,mugs",
]
HEADER = "left,right,label,split,category"


def tune(
    images: Path, rows: list[str], *options: str, header: str = HEADER
) -> subprocess.CompletedProcess[str]:
    file = images.parent / "pairs.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return run_command(
        "pairs", "tune", "pairs.csv", "--images", str(images), *options,
        environment={"IMGASSETS_HOME": str(images.parent / "home")}, folder=images.parent,
    )  # fmt: skip


def test_limits_are_tuned_written_and_read(images: Path) -> None:
    done = tune(images, [*ROWS, "broken.jpg,0.jpg,1,tune,cups"])
    assert done.returncode == 0, done.stderr
    assert "10 pairs tuned on, 2 for the test" in done.stdout
    assert "F1" in done.stdout
    assert "limits of all categories: thresholds.toml" in done.stdout
    assert "line 14 is left out" in done.stderr
    assert "broken.jpg: The file is truncated or broken" in done.stderr
    assert "same_probability: left as it is" in done.stderr
    file = images.parent / "thresholds.toml"
    limits = read_thresholds(file).default
    assert sorted(limits.distances) == [
        "average_hash", "difference_hash", "embedding", "paper_edge_dhash", "paper_hsv",
        "paper_phash", "perceptual_hash", "pixel_cosine", "wavelet_hash",
    ]  # fmt: skip
    assert limits.distances["perceptual_hash"] < 20
    assert limits.same_probability == read_thresholds().default.same_probability
    assert "same_probability" not in tomllib.loads(file.read_text())["default"]


def test_a_category_has_limits_of_its_own(images: Path) -> None:
    assert tune(images, ROWS, "--out", "own.toml").returncode == 0
    file = images.parent / "own.toml"
    before = tomllib.loads(file.read_text())
    low = ("--min-precision", "0.5", "--confidence", "0.5", "--category", "cups")
    done = tune(images, ROWS, "--out", "own.toml", *low)
    assert done.returncode == 0, done.stderr
    assert "8 pairs tuned on, 2 for the test" in done.stdout
    after = tomllib.loads(file.read_text())
    assert after["default"] == before["default"]
    cups = after["categories"]["cups"]
    assert sorted(cups) == ["distances", "ensemble", "gate", "same_probability"]
    assert read_thresholds(file).of("cups").same_probability == cups["same_probability"]


def test_pairs_without_a_category_are_of_the_one_named(images: Path) -> None:
    rows = [",".join(row.split(",")[:3]) for row in ROWS]
    done = tune(images, rows, "--category", "cups", header="Left, Right ,LABEL")
    assert done.returncode == 0, done.stderr
    assert "12 pairs tuned on, 0 for the test" in done.stdout
    assert "limits of cups" in done.stdout


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (["0.jpg,0s.jpg,1"], "left,right,same", "missing columns: label; the file has"),
        (["0.jpg,0s.jpg,1,test"], "left,right,label,splt", "unknown columns: splt; known are"),
        (["0.jpg,0s.jpg,maybe"], "left,right,label", "line 2: label 'maybe' is none of 1, same,"),
        (["0.jpg,0s.jpg,"], "left,right,label", "line 2: label '' is none of"),
        (["0.jpg,,1"], "left,right,label", "line 2: no right image is named"),
        (["0.jpg,none.jpg,1"], "left,right,label", "line 2: there is no image"),
        (["0.jpg,0s.jpg,1,later"], "left,right,label,split", "split 'later' is none of"),
        (["0.jpg,1.jpg,0"], "left,right,label", "is labelled as the same"),
        (["0.jpg,0s.jpg,1"], "left,right,label", "is labelled as different"),
        (
            ["0.jpg,0s.jpg,1,test", "0.jpg,1.jpg,0,tune"],
            "left,right,label,split",
            "is labelled as the same",
        ),
        ([], "left,right,label", "names no pairs"),
    ],
)  # fmt: skip
def test_pairs_that_cannot_be_tuned_on(
    images: Path, rows: list[str], header: str, message: str
) -> None:
    done = tune(images, rows, header=header)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (images.parent / "thresholds.toml").exists()


def test_names_that_do_not_exist(images: Path) -> None:
    done = tune(images, ROWS, "--category", "hats")
    assert "no pairs of category 'hats'; it has: cups, mugs" in done.stderr
    done = run_command("pairs", "tune", "a.csv", "--images", str(images), environment={})
    assert "a.csv: no such file" in done.stderr
    done = run_command("pairs", "tune", "a.csv", "--images", str(images / "none"), environment={})
    assert "is no folder of images" in done.stderr
