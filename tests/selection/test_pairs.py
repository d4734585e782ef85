"""Pairs of pictures laid over each other, on pictures drawn here: what was done is known."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from imgassets.learning.synthetic.copies import COPIES
from imgassets.learning.synthetic.pairs import make_pair
from imgassets.selection.pairs.differences import measure_pair
from imgassets.selection.pairs.record import MEASURES
from imgassets.selection.pairs.registration import reduce_for_comparison, register
from imgassets.selection.pairs.verdict import comparator_version, probabilities
from imgassets.vision.decode import decode


def draw(seed: int, height: int = 320, width: int = 260) -> np.ndarray:
    """Draw a thing of many parts on white: no two seeds alike."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 255, np.uint8)
    body = tuple(rng.integers(20, 200, 3).tolist())
    box = (int(width * 0.15), int(height * 0.1), int(width * 0.85), int(height * 0.92))
    cv2.rectangle(picture, box[:2], box[2:], body, -1)
    for _ in range(18):
        centre = (int(rng.integers(box[0], box[2])), int(rng.integers(box[1], box[3])))
        colour = tuple(rng.integers(0, 255, 3).tolist())
        cv2.circle(picture, centre, int(rng.integers(6, 30)), colour, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def same(left: np.ndarray, right: np.ndarray) -> float:
    return float(probabilities([measure_pair(left, right)])[0])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", sorted(COPIES))
def test_copies_are_the_same(name, seed) -> None:
    picture = draw(seed)
    copy = COPIES[name](picture, np.random.default_rng(seed))
    assert same(picture, copy) > 0.5


CHANGES = {
    "a thin stylus": lambda p: cv2.line(
        p.copy(), (60, 40), (70, 200), (30, 30, 30), 5, cv2.LINE_AA
    ),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "upside down": lambda p: np.ascontiguousarray(p[::-1]),
    "another colour": lambda p: np.ascontiguousarray(p[..., ::-1]),
    "a close-up": lambda p: cv2.resize(p[60:220, 60:190], (260, 320)),
    "another thing": lambda p: draw(99),
    "a part is gone": lambda p: cv2.rectangle(p.copy(), (80, 120), (140, 180), (128, 128, 128), -1),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("change", sorted(CHANGES))
def test_other_pictures_are_different(change, seed) -> None:
    picture = draw(seed)
    assert same(picture, CHANGES[change](picture)) < 0.5


@pytest.mark.parametrize("place", [(30, 40), (150, 60), (60, 230), (170, 240)])
def test_the_box_is_where_the_difference_is(place) -> None:
    x, y = place
    picture = draw(1)
    made = picture.copy()
    cv2.rectangle(made, (x, y), (x + 40, y + 40), (10, 240, 10), -1)
    made = cv2.copyMakeBorder(made, 20, 20, 30, 30, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    found = measure_pair(picture, made)
    for box, shape, middle in (
        (found.left_box, picture.shape, (x + 20, y + 20)),
        (found.right_box, made.shape, (x + 50, y + 40)),
    ):
        left, top = box.left * shape[1], box.top * shape[0]
        assert left - 2 <= middle[0] <= left + box.width * shape[1] + 2
        assert top - 2 <= middle[1] <= top + box.height * shape[0] + 2
        assert box.width * box.height < 0.15


@pytest.mark.parametrize(
    ("matrix", "size"),
    [
        (np.array([[1, 0, 7], [0, 1, -5]], np.float64), (260, 320)),
        (cv2.getRotationMatrix2D((130, 160), 3.0, 1.0), (260, 320)),
        (np.array([[0.6, 0, 10], [0, 0.6, 12]], np.float64), (180, 220)),
    ],
)
def test_registration_finds_the_map(matrix, size) -> None:
    picture = draw(2)
    moved = cv2.warpAffine(picture, matrix, size, borderValue=(255, 255, 255))
    left, right = reduce_for_comparison(picture), reduce_for_comparison(moved)
    found = register(left, right)
    assert found.correlation > 0.98
    points = np.array([[60.0, 60.0], [200.0, 80.0], [130.0, 250.0]])
    here = (points + 0.5) * (left.shape[1] / 260) - 0.5
    there = here @ found.matrix[:, :2].T + found.matrix[:, 2]
    wanted = (points @ matrix[:, :2].T + matrix[:, 2] + 0.5) * (right.shape[1] / size[0]) - 0.5
    assert np.abs(there - wanted).max() < 1.5


WHITE, BLACK = (np.full((200, 150, 3), level, np.uint8) for level in (255, 0))


def test_blank_pictures() -> None:
    assert same(WHITE, WHITE[:80, :90]) == 1
    assert same(WHITE, np.full((50, 50, 3), 251, np.uint8)) == 1
    assert same(WHITE, BLACK) == 0
    faint = WHITE.copy()
    faint[90:110, 60:90] = 225
    assert same(WHITE, faint) == 0
    for blank in (WHITE, BLACK):
        assert same(blank, draw(1)) == 0
        assert same(draw(1), blank) == 0


@pytest.mark.parametrize("shape", [(300, 1), (1, 300), (1, 1), (3, 500), (2, 2)])
def test_tiny_pictures_are_compared_like_any_other(shape) -> None:
    rng = np.random.default_rng(3)
    tiny = rng.integers(0, 255, (*shape, 3), dtype=np.uint8)
    for other in (tiny, draw(1), WHITE):
        found = measure_pair(tiny, other)
        assert np.isfinite(found.values).all()
        assert 0 <= probabilities([found])[0] <= 1
        for box in (found.left_box, found.right_box):
            assert box.top >= 0
            assert box.left >= 0
            assert box.top + box.height <= 1.0001
            assert box.left + box.width <= 1.0001


def test_an_image_and_its_thumbnail() -> None:
    picture = draw(4, 800, 640)
    thumbnail = cv2.resize(picture, (80, 100), interpolation=cv2.INTER_AREA)
    assert same(picture, thumbnail) > 0.5
    assert same(draw(5, 800, 640), thumbnail) < 0.5


def encoded(image: Image.Image, kind: str, **more) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def test_colours_hidden_under_transparency_do_not_count() -> None:
    picture = draw(6)
    alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
    alpha[:, :30] = 0
    pixels = [np.concatenate([picture, alpha], axis=2) for _ in range(2)]
    pixels[1][:, :30, :3] = (200, 10, 120)
    left, right = (decode(encoded(Image.fromarray(p), "PNG")) for p in pixels)
    assert same(left, right) > 0.9


def test_an_animation_is_its_first_frame() -> None:
    frames = [Image.fromarray(draw(seed)) for seed in (7, 8)]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    still = encoded(frames[0], "PNG")
    assert same(decode(moving), decode(still)) > 0.5
    assert same(decode(moving), decode(encoded(frames[1], "PNG"))) < 0.5


def test_a_grayscale_file_of_a_picture_is_the_same() -> None:
    picture = draw(9)
    gray = np.asarray(Image.fromarray(picture).convert("L").convert("RGB"))
    assert same(picture, gray) > 0.5
    assert same(draw(10), gray) < 0.5


def test_measures_have_names_and_the_model_knows_them() -> None:
    found = measure_pair(draw(1), draw(2))
    assert found.values.shape == (len(MEASURES),)
    assert len(set(MEASURES)) == len(MEASURES)
    assert probabilities([]).shape == (0,)
    assert comparator_version().startswith("pairs-")


def test_a_file_that_is_no_model_is_told_apart_from_one_of_other_measures(tmp_path) -> None:
    found = [measure_pair(draw(1), draw(2))]
    with pytest.raises(ValueError, match="cannot read"):
        probabilities(found, tmp_path / "none.txt")
    (tmp_path / "words.txt").write_text("words")
    with pytest.raises(ValueError, match="no model of LightGBM"):
        probabilities(found, tmp_path / "words.txt")


@pytest.mark.parametrize("seed", range(8))
def test_made_pairs_are_reproducible_and_say_what_was_done(seed) -> None:
    first = make_pair(draw(seed), draw(seed + 50), seed)
    again = make_pair(draw(seed), draw(seed + 50), seed)
    assert first.kind == again.kind
    assert np.array_equal(first.left, again.left)
    assert np.array_equal(first.right, again.right)
    assert first.same == (seed % 2 == 0)
    assert (first.kind.split("+")[0] in COPIES) == first.same


def test_no_copy_changes_the_picture_it_is_given() -> None:
    picture = draw(11)
    before = picture.copy()
    for change in COPIES.values():
        change(picture, np.random.default_rng(1))
    assert np.array_equal(picture, before)
