from __future__ import annotations

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from imgassets.vision.decode import decode
from imgassets.vision.framing import frame_object
from imgassets.vision.signals import (
    STEPPED,
    Signals,
    colourfulness,
    detail,
    hsv_histogram,
    measure,
    sharpness,
)


def bits(left: str, right: str) -> int:
    return (int(left, 16) ^ int(right, 16)).bit_count()


def luma(picture) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


@pytest.mark.parametrize("seed", range(12))
def test_hashes_equal_imagehash(draw_garment, encode, seed) -> None:
    picture = decode(encode(draw_garment(200 + 90 * seed, seed), "JPEG"))
    signals, image = measure(picture), Image.fromarray(picture)
    assert signals.phash == str(imagehash.phash(image))
    assert signals.dhash == str(imagehash.dhash(image))
    crop = Image.fromarray(frame_object(picture).box.crop(picture))
    assert signals.object_phash == str(imagehash.phash(crop))


def test_hashes_of_real_photos_equal_imagehash(shared) -> None:
    photos = sorted((shared("catalog") / "images" / "acme").glob("*.jpg"))[::40]
    for path in photos:
        with Image.open(path) as image:
            if max(image.size) >= 1024 or image.mode != "RGB" or image.getexif().get(0x0112):
                continue
            signals = measure(decode(path.read_bytes()))
            assert signals.phash == str(imagehash.phash(image)), path.name
            assert signals.dhash == str(imagehash.dhash(image)), path.name


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 3), (8, 8), (40, 1000)])
def test_tiny_and_thin_pictures_have_all_signals(shape) -> None:
    signals = measure(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert sum(signals.hsv_histogram) == pytest.approx(1, abs=1e-4)
    assert 0 <= signals.foreground_fraction <= 1
    assert 0 <= signals.sharpness <= STEPPED
    assert len(signals.phash) == len(signals.dhash) == len(signals.edge_dhash) == 16


@pytest.mark.parametrize("background", [(255, 255, 255), (240, 240, 238), (40, 60, 120)])
def test_box_on_plain_backgrounds(draw_garment, background) -> None:
    picture = draw_garment(480, 1, background, fill=0.36, colour=(190, 150, 60))
    framing = frame_object(picture)
    assert framing.foreground_fraction == pytest.approx(0.36, abs=0.05)
    assert framing.box.left == pytest.approx(96, abs=6)


def test_box_survives_noise_and_compression(draw_garment, encode) -> None:
    picture = draw_garment(480, 1, fill=0.36)
    rough = decode(encode(picture, "JPEG", quality=20))
    assert frame_object(rough).foreground_fraction == pytest.approx(0.36, abs=0.05)


def test_lifestyle_photo_fills_the_frame() -> None:
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.integers(0, 256, (12, 9, 3), dtype=np.uint8), (360, 480))
    assert frame_object(scene).foreground_fraction == 1


def test_blank_picture_fills_the_frame() -> None:
    framing = frame_object(np.full((100, 80, 3), 255, np.uint8))
    assert framing.foreground_fraction == 1
    assert framing.background_whiteness == 1


@pytest.mark.parametrize(
    ("colour", "sides"),
    [
        ((255, 255, 255), (60, 60, 60, 60)),
        ((255, 255, 255), (150, 0, 0, 0)),
        ((255, 255, 255), (0, 0, 0, 120)),
        ((235, 235, 235), (60, 60, 60, 60)),
        ((0, 0, 0), (60, 60, 60, 60)),
    ],
)
def test_padding_does_not_move_the_object(draw_garment, colour, sides) -> None:
    picture = draw_garment(480, 2)
    padded = cv2.copyMakeBorder(picture, *sides, cv2.BORDER_CONSTANT, value=colour)
    original, copy = measure(picture), measure(padded)
    assert bits(original.object_phash, copy.object_phash) <= 8
    assert bits(original.edge_dhash, copy.edge_dhash) <= 8


def test_sharpness_follows_blur_and_not_texture(draw_garment) -> None:
    plain, rich = draw_garment(480, 3, texture=0), draw_garment(480, 3, texture=14)
    assert sharpness(luma(plain)) > 0.35
    assert sharpness(luma(rich)) > 0.3
    values = [sharpness(luma(cv2.GaussianBlur(plain, (0, 0), sigma))) for sigma in (1, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    assert values[1] < 0.24 < values[0]
    assert values[2] < 0.15


def test_sharpness_sees_motion_blur_and_enlarged_thumbnails(draw_garment) -> None:
    picture = draw_garment(480, 4)
    for kernel in (np.full((1, 15), 1 / 15), np.full((15, 1), 1 / 15), np.eye(13) / 13):
        assert sharpness(luma(cv2.filter2D(picture, -1, kernel))) < 0.24
    thumbnail = cv2.resize(picture, (96, 96), interpolation=cv2.INTER_AREA)
    assert sharpness(luma(cv2.resize(thumbnail, (480, 480)))) < 0.24


def test_a_sharp_badge_does_not_hide_blur(draw_garment) -> None:
    picture = cv2.GaussianBlur(draw_garment(480, 5), (0, 0), 4)
    cv2.circle(picture, (360, 130), 40, (200, 0, 0), -1)
    assert sharpness(luma(picture)) < 0.24


def test_sharpness_without_edges_is_not_judged() -> None:
    assert sharpness(np.full((200, 200), 128, np.uint8)) == STEPPED


def test_detail_tells_artwork_from_dark_cloth(draw_garment) -> None:
    artwork = np.full((128, 128, 3), 240, np.uint8)
    cv2.circle(artwork, (64, 64), 40, (200, 200, 200), -1)
    cloth = draw_garment(480, 6, fill=1.0, colour=(14, 14, 16), texture=2)[100:380, 100:380]
    assert detail(artwork) < 0.3 < detail(cv2.resize(cloth, (128, 128)))
    assert detail(np.zeros((9, 9, 3), np.uint8)) == 0


def test_histogram_tolerates_tone_and_tells_colours(draw_garment) -> None:
    def distance(left, right) -> float:
        first, second = hsv_histogram(left), hsv_histogram(right)
        total = np.maximum(first + second, 1e-12)
        return float((np.square(first - second) / total).sum())

    red = draw_garment(128, 7, colour=(180, 40, 50), fill=0.9)
    blue = draw_garment(128, 7, colour=(50, 40, 180), fill=0.9)
    warm = np.clip(red * np.array([1.06, 1.0, 0.93]), 0, 255).astype(np.uint8)
    assert distance(red, warm) < 0.15
    assert distance(red, blue) > 0.4
    assert hsv_histogram(red).sum() == pytest.approx(1, abs=1e-5)
    assert hsv_histogram(red).shape == (128,)


def test_colourfulness_of_gray_is_zero(draw_garment) -> None:
    picture = draw_garment(64)
    gray = np.repeat(luma(picture)[..., None], 3, axis=2)
    assert colourfulness(gray) == 0
    assert colourfulness(picture) > 5


def test_measure_is_deterministic(draw_garment) -> None:
    picture = draw_garment(300, 8)
    assert measure(picture) == measure(picture.copy())
    assert isinstance(measure(picture), Signals)
