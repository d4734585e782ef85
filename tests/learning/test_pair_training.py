"""Training the comparator of pairs: on files drawn here, through the command."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imgassets.learning.pair_training import (
    fit_comparator,
    held_out_probabilities,
    measure_made_pairs,
    report,
)
from imgassets.selection.pairs.differences import measure_pair
from imgassets.selection.pairs.verdict import comparator_version, probabilities
from tests.command import run_command


def draw(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picture = np.full((200, 160, 3), 240, np.uint8)
    cv2.rectangle(picture, (30, 25), (130, 180), tuple(rng.integers(20, 200, 3).tolist()), -1)
    for _ in range(14):
        centre = (int(rng.integers(35, 125)), int(rng.integers(30, 175)))
        colour = tuple(rng.integers(0, 255, 3).tolist())
        cv2.circle(picture, centre, int(rng.integers(4, 18)), colour, -1, cv2.LINE_AA)
    return picture


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(24):
        (folder / str(seed % 3)).mkdir(exist_ok=True)
        cv2.imwrite(str(folder / str(seed % 3) / f"{seed}.png"), draw(seed))
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def made(photos):
    return measure_made_pairs(sorted(photos.rglob("*.*")), 140, 0, processes=2)


def test_half_of_the_pairs_are_the_same_and_broken_files_are_passed_over(made) -> None:
    assert 110 < len(made.same) < 140
    assert 0.4 < made.same.mean() < 0.6
    assert np.isfinite(made.values).all()
    # Signals of most copies are near, those of another thing are not.
    assert np.median(made.nearness[made.same][:, 0]) < 12
    others = [kind.startswith("another_item") for kind in made.kinds]
    assert np.median(made.nearness[others][:, 0]) > 12


def test_the_same_photos_and_seed_make_the_same_pairs(made, photos) -> None:
    again = measure_made_pairs(sorted(photos.rglob("*.*")), 12, 0)
    assert np.array_equal(again.values, made.values[: len(again.same)])
    assert again.kinds == made.kinds[: len(again.same)]
    other = measure_made_pairs(sorted(photos.rglob("*.*")), 12, 1)
    assert other.kinds != again.kinds


def test_it_is_judged_on_photos_it_has_not_seen(made) -> None:
    held_out = held_out_probabilities(made, 0)
    assert np.array_equal(held_out, held_out_probabilities(made, 0))
    told = report(made, held_out, 0.5)
    assert told.precision > 0.7
    assert told.recall > 0.7
    seen = report(made, np.where(made.same, 1.0, 0.0), 0.5)
    assert (seen.precision, seen.recall, set(seen.right.values())) == (1, 1, {1.0})


def test_the_model_is_a_file_that_answers(made, tmp_path) -> None:
    model = tmp_path / "own.txt"
    model.write_text(fit_comparator(made, 0))
    assert comparator_version(model) != comparator_version()
    pairs = [measure_pair(draw(50), draw(50)), measure_pair(draw(50), draw(51))]
    same, different = probabilities(pairs, model)
    assert same > 0.5 > different
    (tmp_path / "fewer.txt").write_text(
        fit_comparator(made, 0).replace("feature_names=correlation", "feature_names=another")
    )
    with pytest.raises(ValueError, match="other measures"):
        probabilities(pairs, tmp_path / "fewer.txt")


def test_the_command_trains_and_says_how_good_it_is(photos, tmp_path) -> None:
    out = tmp_path / "comparator.txt"
    done = run_command(
        "pairs", "train", str(photos), "--out", str(out), "--count", "100",
        environment={"IMGASSETS_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "precision" in done.stdout
    assert comparator_version(out).startswith("pairs-")


def test_too_few_photos_are_an_error(tmp_path) -> None:
    done = run_command(
        "pairs", "train", str(tmp_path), environment={"IMGASSETS_HOME": str(tmp_path)}
    )
    assert done.returncode == 1
    assert "0 photos, but 20 are needed" in " ".join(done.stderr.split())
