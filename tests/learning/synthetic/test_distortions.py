from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from imgassets.learning.synthetic.distortions import FAMILIES, TRAINED, UNSEEN, distort
from imgassets.sample.products import products

SEVERITIES = (1 / 3, 2 / 3, 1.0)
CROPS = ("crop_vertical", "crop_horizontal")
FILTERS = sorted(set(FAMILIES) - set(CROPS))


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A coloured picture of a product in use, that no test may change."""
    picture = products(1)[0].photograph("lifestyle", 0, 320).picture
    picture.setflags(write=False)
    return picture


@pytest.fixture(scope="module")
def sizes() -> tuple[np.ndarray, np.ndarray]:
    """One photo 280 and 800 pixels long."""
    large = products(1)[0].photograph("lifestyle", 0, 800).picture
    small = cv2.resize(large, None, fx=0.35, fy=0.35, interpolation=cv2.INTER_AREA)
    return small, large


def at_page(picture: np.ndarray) -> np.ndarray:
    """The picture as a page shows it, 224 pixels long."""
    scale = 224 / max(picture.shape[:2])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float64)


def away(first: np.ndarray, second: np.ndarray) -> float:
    """Mean distance in gray levels, as a page shows both."""
    return float(np.abs(at_page(first) - at_page(second)).mean())


def test_the_families_of_the_paper_are_trained_and_no_other() -> None:
    assert TRAINED == (
        "crop_vertical", "crop_horizontal", "colour_jitter", "gaussian_blur", "gaussian_noise",
        "greyscale", "rotation",
    )  # fmt: skip
    assert not set(TRAINED) & set(UNSEEN)
    assert set(TRAINED) | set(UNSEEN) == set(FAMILIES)
    assert all(name == family.name for name, family in FAMILIES.items())


@pytest.mark.parametrize("family", FAMILIES)
class TestEveryFamily:
    def test_the_same_seed_gives_the_same_pixels(self, photo, family) -> None:
        first, second = (distort(photo, family, 0.5, 11) for _ in range(2))
        assert first.dtype == np.uint8
        assert first.flags["C_CONTIGUOUS"]
        assert (first == second).all()
        assert not np.shares_memory(first, photo)

    def test_it_is_seen_at_the_lowest_severity_used(self, photo, family) -> None:
        made = distort(photo, family, 1 / 3, 3)
        assert made.shape != photo.shape or away(photo, made) > 1.2

    def test_it_grows_with_severity(self, photo, family) -> None:
        made = [distort(photo, family, s, 5) for s in SEVERITIES]
        if family in CROPS:
            sizes = [one.size for one in made]
            assert sizes == sorted(sizes, reverse=True)
            assert len(set(sizes)) == 3
        else:
            distances = [away(photo, one) for one in made]
            assert distances == sorted(distances), distances

    def test_any_shape_of_picture(self, family) -> None:
        rng = np.random.default_rng(0)
        for shape in ((2, 2), (3, 40), (64, 5), (9, 9)):
            picture = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
            made = distort(picture, family, 1.0, -4)
            assert made.ndim == 3
            assert min(made.shape) > 0


@pytest.mark.parametrize("family", CROPS)
def test_crops_cut_the_object_along_one_axis(product, family) -> None:
    picture = product
    axis = CROPS.index(family)
    for seed in range(4):
        made = distort(picture, family, 1.0, seed)
        assert made.shape[1 - axis] == picture.shape[1 - axis]
        # Margin and 60 % of the object, which takes about 80 % of the frame.
        assert 0.3 < made.shape[axis] / picture.shape[axis] < 0.55


@pytest.mark.parametrize("family", FILTERS)
def test_every_other_family_keeps_the_size(photo, family) -> None:
    assert distort(photo, family, 1.0, 1).shape == photo.shape


@pytest.mark.parametrize(
    "family", sorted({*FILTERS} - {"gaussian_noise", "darkness", "jpeg", "pixelation"})
)
def test_a_small_and_a_large_photo_look_alike_spoilt(sizes, family) -> None:
    small, large = sizes
    change = away(large, distort(large, family, 2 / 3, 9))
    assert away(distort(small, family, 2 / 3, 9), distort(large, family, 2 / 3, 9)) < 0.35 * change


@pytest.mark.parametrize("family", ["gaussian_noise", "darkness", "jpeg", "pixelation"])
def test_so_they_do_where_chance_decides_each_pixel(sizes, family) -> None:
    changes = [away(one, distort(one, family, 2 / 3, 9)) for one in sizes]
    assert max(changes) < 1.6 * min(changes), changes


def test_greyscale_at_severity_1_has_no_colours(photo) -> None:
    made = distort(photo, "greyscale", 1.0, 0).astype(int)
    assert np.ptp(made, axis=2).max() <= 1
    fainter = distort(photo, "greyscale", 1 / 3, 0).astype(int)
    assert np.ptp(fainter, axis=2).mean() < np.ptp(photo.astype(int), axis=2).mean()


def test_darkness_darkens_and_overexposure_burns_out(photo) -> None:
    means = [distort(photo, "darkness", s, 0).mean() for s in SEVERITIES]
    assert photo.mean() > means[0] > means[1] > means[2]
    burnt = [(distort(photo, "overexposure", s, 0) == 255).mean() for s in SEVERITIES]
    assert burnt[0] < burnt[1] < burnt[2]


def test_a_plain_background_stays_plain_when_turned(product) -> None:
    made = distort(product, "rotation", 1.0, 2)
    corners = made[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners >= 250).all()


def test_seeds_differ_in_kind(photo) -> None:
    fixed = {"gaussian_blur", "greyscale", "defocus", "overexposure", "pixelation", "jpeg"}
    for family in sorted(set(FAMILIES) - fixed):
        made = [distort(photo, family, 1.0, seed) for seed in range(8)]
        assert any(
            a.shape != b.shape or away(a, b) > 1 for a, b in itertools.combinations(made, 2)
        ), family


@pytest.mark.parametrize(
    ("family", "severity", "picture", "message"),
    [
        ("smudge", 0.5, np.zeros((9, 9, 3), np.uint8), "unknown family 'smudge'.*motion_blur"),
        ("jpeg", 0.0, np.zeros((9, 9, 3), np.uint8), "severity 0 of 'jpeg'"),
        ("jpeg", 1.01, np.zeros((9, 9, 3), np.uint8), "above 0 and at most 1"),
        ("jpeg", float("nan"), np.zeros((9, 9, 3), np.uint8), "severity nan"),
        ("jpeg", 0.5, np.zeros((9, 9), np.uint8), r"RGB, uint8.*\(9, 9\)"),
        ("jpeg", 0.5, np.zeros((9, 9, 3), np.float32), "float32"),
        ("jpeg", 0.5, np.zeros((0, 9, 3), np.uint8), "at least 2 × 2"),
    ],
)
def test_what_cannot_be_distorted_is_said(family, severity, picture, message) -> None:
    with pytest.raises(ValueError, match=message):
        distort(picture, family, severity, 0)
