"""What heads are taught: distributions of maximum entropy, files of ratings, distorted photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgassets.learning.nima.head import mean_rating, rating_std
from imgassets.learning.nima.ratings import ASSUMED_STD, read_ratings
from imgassets.learning.nima.targets import (
    FAMILIES,
    Impossible,
    distortion_targets,
    maximum_entropy,
)


@given(st.floats(1.02, 9.98), st.floats(0.05, 4.4))
def test_a_distribution_has_its_mean_and_deviation(mean: float, std: float) -> None:
    try:
        shares = maximum_entropy(mean, std)
    except Impossible:
        below = mean % 1
        assert std**2 <= below * (1 - below) + 2e-3 or std**2 >= (mean - 1) * (10 - mean) - 2e-3
        return
    assert shares.min() >= 0
    assert shares.sum() == pytest.approx(1)
    assert mean_rating(shares[None])[0] == pytest.approx(mean, abs=1e-6)
    assert rating_std(shares[None])[0] == pytest.approx(std, abs=1e-6)


@pytest.mark.parametrize(("mean", "std"), [(5.5, 1.4), (2.0, 1.3), (8.2, 0.7)])
def test_no_other_distribution_with_both_has_more_entropy(mean: float, std: float) -> None:
    shares = maximum_entropy(mean, std)
    ratings = np.arange(1, 11)
    kept = np.stack([np.ones(10), ratings, ratings**2])
    rng = np.random.default_rng(0)
    for _ in range(20):  # a step that changes none of sum, mean and variance
        step = rng.normal(size=10)
        step -= np.linalg.pinv(kept) @ (kept @ step)
        other = shares + 0.3 * step * min(shares / np.abs(step))
        assert _entropy(other) <= _entropy(shares) + 1e-12


def _entropy(shares: np.ndarray) -> float:
    return -float((shares * np.log(shares)).sum())


@pytest.mark.parametrize("asked", [(5.5, 0.0), (0.5, 1.0), (10.0, 1.0), (2.0, 4.0)])
def test_what_no_ratings_can_have_is_refused(asked: tuple[float, float]) -> None:
    with pytest.raises(Impossible, match="mean"):
        maximum_entropy(*asked)


def test_counts_become_shares_and_bad_rows_are_named(tmp_path: Path) -> None:
    counts = ",".join(map(str, range(1, 11)))
    ones = ",".join("1" * 10)
    file = tmp_path / "ava.csv"
    file.write_text(
        f"image,group,{counts}\n"
        f"a.jpg,shoot,{ones}\n"
        f"b.jpg,,0,0,0,0,0,0,0,0,0,7\n"
        f"c.jpg,,0,0,0,0,0,0,0,0,0,0\n"
        f"d.jpg,,-1,0,0,0,0,0,0,0,0,7\n"
        f"e.jpg,,many,0,0,0,0,0,0,0,0,7\n"
        f"a.jpg,,{ones}\n"
        f",,{ones}\n"
    )
    found = read_ratings(file)
    assert found.rows.select("image", "group_id").rows() == [("a.jpg", "shoot"), ("b.jpg", "b.jpg")]
    assert found.rows["target"].to_list() == [[0.1] * 10, [0.0] * 9 + [1.0]]
    assert [reason.partition(": ")[2] for reason in found.refused] == [
        "nobody rated the image: all counts are 0",
        "a count is negative",
        "1 is 'many', not a number",
        "the image was rated in an earlier row",
        "no image is named",
    ]


def test_means_become_distributions(tmp_path: Path) -> None:
    file = tmp_path / "means.csv"
    file.write_text("image,mean,std\na.png,4.5,1.2\nb.png,7,\nc.png,11,1\nd.png,5.5,0.1\n")
    found = read_ratings(file)
    targets = np.array(found.rows["target"].to_list())
    assert mean_rating(targets) == pytest.approx([4.5, 7])
    assert rating_std(targets) == pytest.approx([1.2, ASSUMED_STD])
    assert found.refused[0] == "row 3 (c.png): mean 11 is not between 1 and 10"
    assert "deviation between 0.50 and" in found.refused[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,score\na,1\n", "ratings need 'image'"),
        ("image,mean\na,99\n", "no usable row: row 1"),
    ],
)
def test_a_useless_file_is_one_clear_error(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=said):
        read_ratings(file)


def test_a_distorted_photos_target_falls_with_severity() -> None:
    rows = [
        ("good", "", 0.0), ("good", "gaussian_blur", 1 / 3), ("good", "gaussian_blur", 1.0),
        ("good", "gaussian_noise", 2 / 3), ("good", "rotation", 1.0), ("poor", "", 0.0),
    ]  # fmt: skip
    examples = pl.DataFrame(
        [(f"{n}", source, family, severity, "g", "bags", [0.0, 1.0])
         for n, (source, family, severity) in enumerate(rows)],
        schema=["example_id", "source_image_id", "family", "severity", "group_id", "category",
                "nima"],
        orient="row",
    )  # fmt: skip
    found = distortion_targets("technical", examples, "nima:x")
    assert found.rows["example_id"].to_list() == ["0", "1", "2", "3"]
    means = mean_rating(np.array(found.rows["target"].to_list()))
    assert means == pytest.approx([8, 6, 2, 4])
    assert (found.source, found.features_version) == ("distortions", "nima:x")
    aesthetic = distortion_targets("aesthetic", examples, "nima:x").rows
    assert aesthetic["example_id"].to_list() == ["0", "4"]
    assert not set(FAMILIES["aesthetic"]) & set(FAMILIES["technical"])
