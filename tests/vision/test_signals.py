from __future__ import annotations

import os
import subprocess
import sys

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from imgassets.vision import sharpness as edges
from imgassets.vision.decode import decode
from imgassets.vision.framing import border_whiteness, frame_object, reduce_to_map
from imgassets.vision.sharpness import STEPPED, lines_across
from imgassets.vision.signals import (
    Signals,
    colourfulness,
    detail,
    hsv_histogram,
    measure,
)


def bits(left: str, right: str) -> int:
    return (int(left, 16) ^ int(right, 16)).bit_count()


def sharpness(picture) -> float:
    return edges.sharpness(lines_across(picture))


def bits_from_imagehash(picture) -> tuple[int, int]:
    signals, image = measure(picture), Image.fromarray(picture)
    return (
        bits(signals.phash, str(imagehash.phash(image))),
        bits(signals.dhash, str(imagehash.dhash(image))),
    )


def test_hashes_agree_with_imagehash(draw_garment, encode) -> None:
    pictures = [decode(encode(draw_garment(200 + 90 * seed, seed), "JPEG")) for seed in range(12)]
    phash_bits, dhash_bits = np.mean([bits_from_imagehash(one) for one in pictures], axis=0)
    assert phash_bits < 2
    assert dhash_bits < 6  # Flat backgrounds: a rounding more or less makes a rise.


def test_hashes_of_real_photos_agree_with_imagehash_of_the_full_size(shared) -> None:
    photos = sorted((shared("photos")).glob("clothing*/*/*.jpg"))[::30]
    photos += sorted((shared("catalog") / "images" / "acme").glob("*.jpg"))[::8]
    differences = []
    for path in photos:
        with Image.open(path) as image:
            full = ImageOps.exif_transpose(image).convert("RGB")
        signals = measure(decode(path.read_bytes()))
        differences.append(
            (
                bits(signals.phash, str(imagehash.phash(full))),
                bits(signals.dhash, str(imagehash.dhash(full))),
            )
        )
    phash_bits, dhash_bits = np.mean(differences, axis=0)
    assert len(photos) > 100
    assert phash_bits < 1
    assert dhash_bits < 1


def test_blank_pictures_have_the_hashes_of_imagehash() -> None:
    for tone in (0, 128, 255):
        assert bits_from_imagehash(np.full((300, 200, 3), tone, np.uint8)) == (0, 0)


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
    assert framing.foreground_fraction == framing.object_extent == 1


def test_object_extent_is_the_larger_share() -> None:
    picture = np.full((400, 300, 3), 255, np.uint8)
    picture[40:360, 120:180] = (60, 40, 40)
    signals = measure(picture)
    assert signals.object_extent == pytest.approx(0.8, abs=0.03)
    assert signals.foreground_fraction == pytest.approx(0.8 * 0.2, abs=0.02)


def test_whiteness_counts_the_border_alone() -> None:
    picture = np.zeros((100, 50, 3), np.uint8)
    picture[:2] = 255
    border = 100 * 50 - 96 * 46
    assert border_whiteness(picture) == (100 / border, 100 / border)
    picture[:2, :25, 1] = 254
    assert border_whiteness(picture) == (100 / border, 50 / border)
    picture[2:98, 2:48] = 255
    assert border_whiteness(picture) == (100 / border, 50 / border)
    assert measure(picture).background_pure_white == 50 / border
    assert border_whiteness(np.full((1, 3, 3), 255, np.uint8)) == (1, 1)


@pytest.mark.parametrize("shape", [(256, 192), (400, 300), (511, 333), (130, 90)])
def test_map_is_a_reduced_picture(shape) -> None:
    rows = np.linspace(0, 255, shape[0])[:, None, None]
    picture = np.broadcast_to(rows, (*shape, 3)).round().astype(np.uint8)
    small = reduce_to_map(picture)
    assert max(small.shape) <= 128
    assert small.shape[0] / small.shape[1] == pytest.approx(shape[0] / shape[1], rel=0.04)
    assert small.mean() == pytest.approx(picture.mean(), abs=2)


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
    assert sharpness(plain) > 0.35
    assert sharpness(rich) > 0.3
    values = [sharpness(cv2.GaussianBlur(plain, (0, 0), sigma)) for sigma in (1, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    assert values[1] < 0.32 < values[0]
    assert values[2] < 0.2


def test_sharpness_sees_motion_blur_and_enlarged_thumbnails(draw_garment) -> None:
    picture = draw_garment(480, 4)
    for kernel in (np.full((1, 15), 1 / 15), np.full((15, 1), 1 / 15), np.eye(13) / 13):
        assert sharpness(cv2.filter2D(picture, -1, kernel)) < 0.32
    thumbnail = cv2.resize(picture, (96, 96), interpolation=cv2.INTER_AREA)
    assert sharpness(cv2.resize(thumbnail, (480, 480))) < 0.32


def test_a_sharp_badge_does_not_hide_blur(draw_garment) -> None:
    picture = cv2.GaussianBlur(draw_garment(480, 5), (0, 0), 4)
    cv2.circle(picture, (360, 130), 40, (200, 0, 0), -1)
    assert sharpness(picture) < 0.32


def test_sharpness_without_edges_is_not_judged() -> None:
    assert sharpness(np.full((200, 200, 3), 128, np.uint8)) == STEPPED


def test_detail_tells_artwork_from_dark_cloth(draw_garment) -> None:
    artwork = np.full((128, 128, 3), 240, np.uint8)
    cv2.circle(artwork, (64, 64), 40, (200, 200, 200), -1)
    cloth = draw_garment(480, 6, fill=1.0, colour=(14, 14, 16), texture=2)[100:380, 100:380]
    assert detail(lines_across(artwork)) < 0.3 < detail(lines_across(cloth))
    assert detail(lines_across(np.zeros((9, 9, 3), np.uint8))) == 0


def test_histogram_tolerates_tone_and_tells_colours(draw_garment) -> None:
    def distance(left, right) -> float:
        first, second = hsv_histogram(left), hsv_histogram(right)
        total = np.maximum(first + second, 1e-12)
        return float((np.square(first - second) / total).sum())

    red = draw_garment(64, 7, colour=(180, 40, 50), fill=0.9)
    blue = draw_garment(64, 7, colour=(50, 40, 180), fill=0.9)
    warm = np.clip(red * np.array([1.06, 1.0, 0.93]), 0, 255).astype(np.uint8)
    assert distance(red, warm) < 0.15
    assert distance(red, blue) > 0.4
    assert hsv_histogram(red).sum() == pytest.approx(1, abs=1e-5)
    assert hsv_histogram(red).shape == (128,)


def test_colourfulness_of_gray_is_zero(draw_garment) -> None:
    picture = draw_garment(64)
    gray = np.repeat(picture[..., :1], 3, axis=2)
    assert colourfulness(gray) == 0
    assert colourfulness(picture) > 5


def test_measure_is_deterministic(draw_garment) -> None:
    picture = draw_garment(300, 8)
    assert measure(picture) == measure(picture.copy())
    assert isinstance(measure(picture), Signals)


def test_memory_layout_does_not_matter(draw_garment) -> None:
    picture = draw_garment(301, 9)
    memory = np.zeros(picture.size + 64, np.uint8)
    for shift in (1, 3, 17, 33):
        moved = memory[shift : shift + picture.size].reshape(picture.shape)
        moved[:] = picture
        assert measure(moved) == measure(picture)


def test_signals_are_equal_in_other_processes(draw_garment, encode, tmp_path) -> None:
    paths = []
    for seed in range(6):
        paths.append(tmp_path / f"{seed}.jpg")
        paths[-1].write_bytes(encode(draw_garment(220 + 150 * seed, seed), "JPEG"))
    here = "\n".join(repr(measure(decode(path.read_bytes()))) for path in paths)
    program = (
        "import sys; from pathlib import Path\n"
        "from imgassets.vision.decode import decode\n"
        "from imgassets.vision.signals import measure\n"
        "for path in sys.argv[1:]: print(repr(measure(decode(Path(path).read_bytes()))))\n"
    )
    for threads in ("1", "4"):
        there = subprocess.run(
            [sys.executable, "-c", program, *map(str, paths)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENCV_FOR_THREADS_NUM": threads},
        )
        assert there.stdout.strip() == here


def test_soft_shading_is_no_blur() -> None:
    shading = 120 + 15 * np.sin(np.linspace(0, 12, 400))
    cloth = np.broadcast_to(shading[None, :, None], (400, 400, 3)).round().astype(np.uint8)
    assert sharpness(cloth) == STEPPED
