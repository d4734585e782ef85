from __future__ import annotations

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image, ImageFilter

from imgassets.selection.comparator import describe, distances, ensemble_says_same, may_be_same
from imgassets.selection.comparators import (
    AverageHash,
    DifferenceHash,
    Embedding,
    PerceptualHash,
    PixelCosine,
    Registered,
    WaveletHash,
    comparators,
)
from imgassets.selection.ensembles import Ensemble, Gate, PaperEnsemble, SignalEnsemble
from imgassets.selection.thresholds import GateLimits, Limits, SignalLimits
from imgassets.settings import VisionSettings
from imgassets.vision.backbones import load_backbone
from imgassets.vision.signals import measure

SIGNALS = SignalLimits(phash=10, edge_dhash=20, hsv=0.5)
LIMITS = Limits(
    same_probability=0.75,
    gate=GateLimits(shape=12, edges=14, hsv=1.0),
    ensemble=SIGNALS,
    distances={"pixel_cosine": 0.01, "embedding": 0.15, "paper_phash": 5},
)


def scene(seed: int, height: int = 240, width: int = 180) -> np.ndarray:
    """A few soft coloured shapes on white."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 255, np.uint8)
    for _ in range(6):
        colour = tuple(rng.integers(0, 230, 3).tolist())
        centre = tuple(rng.integers(30, 150, 2).tolist())
        axes = tuple(rng.integers(8, 50, 2).tolist())
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
    return cv2.GaussianBlur(picture, (0, 0), 1.5)


EDGES = {
    "black": np.zeros((40, 30, 3), np.uint8),
    "white": np.full((30, 40, 3), 255, np.uint8),
    "one pixel": np.full((1, 1, 3), 90, np.uint8),
    "one pixel wide": scene(3, 200, 200)[:, 100:101].copy(),
    "one pixel high": scene(3, 200, 200)[100:101].copy(),
    "grayscale": np.repeat(cv2.cvtColor(scene(3), cv2.COLOR_RGB2GRAY)[..., None], 3, 2),
    "scene": scene(3),
}


@pytest.fixture(scope="module")
def every():
    return comparators(LIMITS, load_backbone(VisionSettings()))


NAMES = [
    "pixel_cosine", "average_hash", "perceptual_hash", "difference_hash", "wavelet_hash",
    "paper_ensemble", "ensemble", "embedding", "registered",
]  # fmt: skip


def test_names_titles_and_order(every) -> None:
    assert list(every) == NAMES
    assert len({comparator.title for comparator in every.values()}) == len(NAMES)
    assert list(comparators(LIMITS)) == [name for name in NAMES if name != "embedding"]


@pytest.mark.parametrize(
    ("comparator", "reference"),
    [
        (AverageHash(), imagehash.average_hash),
        (PerceptualHash(), imagehash.phash),
        (DifferenceHash(), imagehash.dhash),
        (WaveletHash(), imagehash.whash),
    ],
)
def test_hashes_are_those_of_imagehash(comparator, reference) -> None:
    for k in range(5):
        left, right = scene(k), scene(k + 1)
        expected = reference(Image.fromarray(left)) - reference(Image.fromarray(right))
        assert 0 < expected <= 64
        assert (
            comparator.distance(comparator.describe(left), comparator.describe(right)) == expected
        )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("edge", EDGES)
def test_a_picture_is_itself_whatever_it_shows(every, name, edge) -> None:
    comparator = every[name]
    seen, again = (comparator.describe(EDGES[edge].copy()) for _ in range(2))
    found = comparator.distance(seen, again)
    if name == "registered":
        assert found <= comparator.limit(LIMITS)
    else:
        assert found == 0


RANGES = {
    "pixel_cosine": 1, "average_hash": 64, "perceptual_hash": 64, "difference_hash": 64,
    "wavelet_hash": 64, "paper_ensemble": np.inf, "ensemble": np.inf, "embedding": 2,
    "registered": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_distances_keep_their_range_and_are_symmetric(every, name) -> None:
    comparator = every[name]
    seen = [comparator.describe(picture) for picture in [*EDGES.values(), scene(8)]]
    found = np.array([[comparator.distance(left, right) for right in seen] for left in seen])
    assert ((found >= 0) & (found <= RANGES[name])).all()
    if name != "registered":  # The left picture is the one that is laid upon.
        np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("name", NAMES)
def test_another_picture_is_further_away_than_a_copy(every, name) -> None:
    comparator = every[name]
    picture = scene(1)
    small = cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    seen, copy, other = comparator.describe_all([picture, small, scene(2)])
    near, far = comparator.distances([seen, seen], [copy, other])
    assert near == comparator.distance(seen, copy)
    assert near < far
    if isinstance(comparator, Ensemble):
        assert near <= 1 < far


@pytest.mark.parametrize(
    "comparator", [AverageHash(), PerceptualHash(), DifferenceHash(), WaveletHash()]
)
def test_plain_pictures_have_nothing_to_hash(comparator) -> None:
    sizes, tones = [(50, 50), (300, 200), (1, 200), (200, 1)], [0, 255, 91, 133]
    seen = [
        comparator.describe(np.full((*size, 3), tone, np.uint8))
        for size, tone in zip(sizes, tones, strict=True)
    ]
    assert all(comparator.distance(seen[0], other) <= 1 for other in seen)


def test_black_has_no_direction() -> None:
    comparator = PixelCosine()
    black, white, gray = (
        comparator.describe(np.full((5, 5, 3), tone, np.uint8)) for tone in (0, 255, 90)
    )
    assert comparator.distance(black, black) == 0
    assert comparator.distance(black, white) == 1
    assert comparator.distance(gray, white) == pytest.approx(0, abs=1e-6)


def test_the_papers_ensemble_is_its_three_parts() -> None:
    left, right = scene(1), scene(2)
    comparator = PaperEnsemble(SIGNALS)
    parts = comparator.parts(comparator.describe(left), comparator.describe(right))
    images = [Image.fromarray(picture) for picture in (left, right)]
    edges = [imagehash.dhash(image.filter(ImageFilter.EDGE_ENHANCE_MORE)) for image in images]
    assert parts.phash == imagehash.phash(images[0]) - imagehash.phash(images[1])
    assert parts.edge_dhash == edges[0] - edges[1]
    assert 0 < parts.hsv <= 2
    assert comparator.distance(comparator.describe(left), comparator.describe(right)) == max(
        parts.phash / 10, parts.edge_dhash / 20, parts.hsv / 0.5
    )


@pytest.fixture
def stored(make_signals):
    """Return a function from two pictures to the distances of their stored signals."""

    def of(*pictures: np.ndarray):
        rows = [{"name": str(k)} | measure(p)._asdict() for k, p in enumerate(pictures)]
        return distances(describe(make_signals(*rows)), np.array([0]), np.array([1]))

    return of


PAIRS = [
    (scene(1), scene(2)),
    (scene(1), cv2.copyMakeBorder(scene(1), 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=(255,) * 3)),
    (EDGES["scene"], EDGES["grayscale"]),
    (EDGES["scene"], EDGES["black"]),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_ensemble_and_gate_are_those_of_stored_signals(stored, pair) -> None:
    found = stored(*pair)
    ensemble, gate = SignalEnsemble(SIGNALS), Gate(LIMITS.gate)
    seen = ensemble.describe_all(pair)
    passes = may_be_same(found, *LIMITS.gate.model_dump().values())
    assert gate.parts(*seen) == pytest.approx((found.shape[0], found.edges[0], found.hsv[0]))
    assert (gate.distance(*seen) <= 1) == passes[0]
    says_same = ensemble_says_same(found, *SIGNALS.model_dump().values())
    assert (ensemble.distance(*seen) <= 1) == says_same[0]


def test_colour_has_no_say_where_one_picture_is_grayscale() -> None:
    comparator = SignalEnsemble(SIGNALS)
    colour, gray = comparator.describe_all([EDGES["scene"], EDGES["grayscale"]])
    parts = comparator.parts(colour, gray)
    assert parts.hsv == 0
    assert parts.phash == 2 * (colour.phash ^ gray.phash).bit_count()
    assert comparator.parts(gray, gray._replace(hsv=np.roll(gray.hsv, 1))).hsv > 0


@pytest.mark.parametrize(("part", "limit", "expected"), [(0, 0, 0.0), (3, 0, np.inf), (3, 6, 0.5)])
def test_a_limit_of_nothing_lets_only_equal_ones_pass(part, limit, expected) -> None:
    comparator = SignalEnsemble(SignalLimits(phash=limit, edge_dhash=0, hsv=0))
    seen = comparator.describe(scene(1))
    assert comparator.distance(seen, seen._replace(phash=seen.phash ^ (2**part - 1))) == expected


def test_limits_come_from_the_thresholds(every) -> None:
    assert every["pixel_cosine"].limit(LIMITS) == 0.01
    assert every["registered"].limit(LIMITS) == 0.25
    assert every["ensemble"].limit(LIMITS) == every["paper_ensemble"].limit(LIMITS) == 1
    assert every["paper_ensemble"].limits == SignalLimits(phash=5, edge_dhash=20, hsv=0.5)
    with pytest.raises(ValueError, match="no threshold is known for average_hash"):
        every["average_hash"].limit(LIMITS)


def test_a_batch_is_its_pictures_one_by_one(every) -> None:
    embedding: Embedding = every["embedding"]
    pictures = [scene(k) for k in range(3)]
    for one, of_batch in zip(
        map(embedding.describe, pictures), embedding.describe_all(pictures), strict=True
    ):
        np.testing.assert_array_equal(one, of_batch)
    assert embedding.describe_all([]) == []
    assert len(Registered().distances([], [])) == 0
