from __future__ import annotations

import cv2
import numpy as np
import pytest

from imgassets.vision.exposure import blockiness, exposure, noise


def luma(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def recompressed(picture: np.ndarray, quality: int) -> np.ndarray:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def test_bright_is_the_brightest_channel_so_a_lit_blue_wall_is_not_dark():
    wall = np.full((64, 64, 3), (10, 20, 230), np.uint8)
    assert exposure(wall).bright == 230
    assert exposure(wall // 2).bright == 115


def test_clipped_is_the_share_at_the_top_of_a_channel():
    picture = np.full((100, 100, 3), 120, np.uint8)
    picture[:, :30] = (255, 90, 90)
    assert exposure(picture).clipped == pytest.approx(0.30)


def test_a_white_background_is_not_clipped(draw_garment):
    on_white = draw_garment(320, 1, texture=3.0)
    burnt = on_white.copy()
    cv2.circle(burnt, (160, 160), 60, (255, 255, 140), -1)
    assert exposure(on_white).clipped < 0.02
    assert exposure(burnt).clipped > 0.1
    assert exposure(np.full((40, 40, 3), 255, np.uint8)).clipped == 0


@pytest.mark.parametrize("deviation", [2.0, 5.0, 15.0])
def test_noise_grows_with_what_is_added_and_texture_is_none(deviation):
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:240, :240]
    shading = (110 + 40 * np.sin(rows / 60) + 30 * np.cos(columns / 45)).astype(np.float32)
    noisy = np.clip(shading + random.normal(0, deviation, shading.shape), 0, 255).astype(np.uint8)
    assert 0.5 * deviation < noise(noisy) < deviation
    carpet = shading.copy()
    carpet[:, 60:] += random.normal(0, 25, (240, 180))
    assert noise(np.clip(carpet, 0, 255).astype(np.uint8)) < 1.0


def test_blocks_are_seen_wherever_their_grid_begins_but_stripes_are_none():
    coarse = np.random.default_rng(0).integers(30, 220, (24, 24, 3), np.uint8)
    picture = cv2.resize(coarse, (400, 400), interpolation=cv2.INTER_CUBIC)
    plain, blocks = luma(recompressed(picture, 92)), luma(recompressed(picture, 6))
    assert blockiness(plain) < 1.0
    assert blockiness(blocks) > 3.0
    assert blockiness(blocks[3:, 5:]) == pytest.approx(blockiness(blocks), rel=0.1)
    stripes = np.full((240, 240), 90, np.uint8)
    stripes[::8] = 160
    assert blockiness(stripes) < 1.0


def test_pictures_too_small_to_judge_have_neither():
    for height, width in ((1, 1), (5, 300), (16, 16)):
        tiny = np.zeros((height, width), np.uint8)
        assert (noise(tiny), blockiness(tiny)) == (0.0, 0.0)
