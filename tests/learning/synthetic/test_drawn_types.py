"""What is drawn of the types that every category shares: scenes, several views, size charts."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from imgassets.learning.synthetic import DEFECTS, make, render, sizing
from imgassets.learning.synthetic.orders import fulfil, order
from imgassets.learning.synthetic.places import PLACES
from imgassets.vision.signals import measure

RED, GREEN = (200, 30, 40), (30, 160, 60)


def of_flag(flag: str) -> list[str]:
    return [name for name, defect in DEFECTS.items() if defect.flag == flag]


def block(colour: tuple[int, int, int]) -> np.ndarray:
    """Draw a plain object with a dark bar on white, 240 × 200."""
    picture = np.full((240, 200, 3), 255, np.uint8)
    picture[30:210, 50:150] = colour
    picture[100:112, 50:150] = (20, 20, 20)
    return picture


def share(picture: np.ndarray, colour: tuple[int, int, int], reach: int = 25) -> float:
    """Return the share of pixels near a colour."""
    return float(np.mean(np.abs(picture.astype(int) - colour).max(axis=2) < reach))


@pytest.mark.parametrize("name", of_flag("multi_view"))
def test_views_show_the_products_other_pictures(name) -> None:
    for seed in range(4):
        alone = make(block(RED), name, 0.5, seed)
        several = make(block(RED), name, 0.5, seed, [block(GREEN)])
        assert share(alone, RED) > 0.1
        assert share(alone, GREEN) == 0
        assert share(several, RED) > 0.01
        assert share(several, GREEN) > 0.01


@pytest.mark.parametrize("name", ["views_row", "views_grid", "views_large_and_small"])
def test_views_are_several_objects(name) -> None:
    def objects(severity: float) -> int:
        made = make(block(RED), name, severity, 3, [block(RED)] * 5)
        mask = (np.abs(made.astype(int) - RED).max(axis=2) < 60).astype(np.uint8)
        joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1 + len(made) // 20, 1)))
        opened = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((5, 5)))
        return cv2.connectedComponents(opened)[0] - 1

    assert 2 <= objects(0.0) <= objects(1.0) <= 6


def test_other_drawings_have_no_use_for_further_pictures(product) -> None:
    for name in ("defocus", "collage_grid", "in_room", "callouts"):
        assert np.array_equal(
            make(product, name, 0.5, 2, [block(GREEN)]), make(product, name, 0.5, 2)
        )
    with pytest.raises(ValueError, match="RGB, uint8"):
        make(product, "views_row", 0.5, 2, [product[..., 0]])


def test_an_order_carries_further_files(product_file) -> None:
    out = io.BytesIO()
    Image.fromarray(block(GREEN)).save(out, "PNG")
    files = [out.getvalue(), product_file]
    made = fulfil(order(product_file, "views_grid", 0.5, 4, files))
    assert made == render(product_file, "views_grid", 0.5, 4, files)
    assert made != render(product_file, "views_grid", 0.5, 4)


@pytest.mark.parametrize("name", [n for n in of_flag("size_chart") if n != "callouts"])
def test_charts_are_drawn_from_scratch(name) -> None:
    made = [make(block(RED), name, 0.5, seed) for seed in range(6)]
    assert np.array_equal(make(block(GREEN), name, 0.5, 5), made[5])
    for picture in made:
        assert 200 <= max(picture.shape) <= 1300
        ground = np.median(picture.reshape(-1, 3), axis=0)
        ink = np.mean(np.abs(picture - ground).max(axis=2) > 60)
        assert 0.005 < ink < 0.5, "words and lines, and more ground than ink"


@pytest.mark.parametrize("name", ["size_table", "data_sheet", "measured_outline"])
def test_a_grosser_chart_says_more(name) -> None:
    def edges(severity: float) -> float:
        pictures = [make(block(RED), name, severity, seed) for seed in range(8)]
        return float(np.mean([np.mean(cv2.Canny(picture, 80, 160) > 0) for picture in pictures]))

    assert edges(1.0) > edges(0.0)


def test_callouts_keep_the_object_small_among_words() -> None:
    for seed in range(5):
        made = make(block(RED), "callouts", 0.8, seed)
        assert 0.02 < share(made, RED) < 0.5
        assert made.shape[0] == made.shape[1]


@pytest.mark.parametrize("name", of_flag("lifestyle"))
def test_scenes_keep_the_object_and_leave_no_white_ground(name, products) -> None:
    for seed, picture in enumerate(products[:3]):
        close, far = (make(picture, name, severity, seed) for severity in (0.0, 1.0))
        assert max(close.shape) <= 640
        assert measure(far).background_pure_white < 0.5
        assert far.std() > 10
    inside = [share(make(block(RED), name, severity, 6), RED, reach=70) for severity in (0.0, 1.0)]
    assert inside[0] > inside[1] > 0.01, "the place shows more of itself with severity"


@pytest.mark.parametrize("place", PLACES)
def test_places_differ_by_seed_and_have_no_object_yet(place) -> None:
    seen = [PLACES[place](60, 80, np.random.default_rng(seed)).picture for seed in (1, 1, 2)]
    assert seen[0].shape == (60, 80, 3)
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])


def test_size_tables_have_a_row_per_size_and_a_column_per_measure() -> None:
    for seed in range(20):
        cells = sizing.table(np.random.default_rng(seed), 4, 3)
        assert 2 <= len(cells) <= 5
        assert {len(row) for row in cells} == {4}
        assert all(any(sign.isdigit() for sign in cell) for row in cells[1:] for cell in row[1:])
