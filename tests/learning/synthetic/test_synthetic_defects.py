from __future__ import annotations

import io
import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from imgassets.learning.synthetic import DEFECTS, make, render
from imgassets.learning.synthetic.segmentation import cut_out
from imgassets.settings import QualitySettings
from imgassets.vision.decode import Undecodable, decode
from imgassets.vision.signals import measure

FLAGS = {
    "blurry", "small_object", "placeholder", "promo_badge", "text_overlay", "watermark", "border",
    "collage", "lifestyle", "multi_view", "size_chart", "",
}  # fmt: skip
LIMITS = QualitySettings()


def of_flag(flag: str) -> list[str]:
    return [name for name, defect in DEFECTS.items() if defect.flag == flag]


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Mask of pixels that differ plainly between two pictures of one size."""
    return np.abs(before.astype(int) - after).max(axis=2) > 12


def test_every_flag_has_defects_and_every_defect_a_description() -> None:
    assert {defect.flag for defect in DEFECTS.values()} == FLAGS
    assert all(name == defect.name for name, defect in DEFECTS.items())
    assert all(defect.description for defect in DEFECTS.values())


@pytest.mark.parametrize("name", DEFECTS)
def test_same_seed_same_pixels_other_seed_other_pixels(name, product) -> None:
    before = product.copy()
    first = make(product, name, 0.5, 7)
    assert np.array_equal(product, before)
    assert not np.shares_memory(first, product)
    assert np.array_equal(first, make(product, name, 0.5, 7))
    if name not in ("flipped", "resized"):  # Of those nothing is drawn, or the size decides.
        others = [make(product, name, 0.5, seed) for seed in (8, -9)]
        assert any(o.shape != first.shape or (o != first).any() for o in others)


@pytest.mark.parametrize("name", DEFECTS)
def test_files_are_deterministic_and_decode(name, product_file) -> None:
    data = render(product_file, name, 0.4, 3)
    assert data == render(product_file, name, 0.4, 3)
    picture = decode(data)
    assert picture.dtype == np.uint8
    assert min(picture.shape[:2]) >= 100
    assert 0.4 * 320 <= max(picture.shape[:2]) <= 1100


def test_a_fresh_process_renders_the_same_bytes_without_torch_and_polars(
    product_file, tmp_path
) -> None:
    (tmp_path / "in.jpg").write_bytes(product_file)
    task = pickle.dumps((render, "grabcut_natural", 0.5, 11))
    (tmp_path / "task").write_bytes(task)
    script = (
        "import pathlib, pickle, sys\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "render, *arguments = pickle.loads((folder / 'task').read_bytes())\n"
        "data = render((folder / 'in.jpg').read_bytes(), *arguments)\n"
        "(folder / 'out').write_bytes(data)\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'polars')))\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert (tmp_path / "out").read_bytes() == render(product_file, "grabcut_natural", 0.5, 11)


def test_unknown_names_and_severities_are_refused_with_the_known_ones(product) -> None:
    with pytest.raises(ValueError, match=r"unknown defect 'blur'.*gaussian_blur.*flipped"):
        make(product, "blur", 0.5, 0)
    for severity in (-0.1, 1.01, float("nan")):
        with pytest.raises(ValueError, match=r"outside 0 … 1.*gaussian_blur"):
            make(product, "gaussian_blur", severity, 0)
    with pytest.raises(ValueError, match="RGB, uint8"):
        make(product[..., 0], "gaussian_blur", 0.5, 0)


def test_undecodable_bytes_are_refused() -> None:
    with pytest.raises(Undecodable):
        render(b"<html>not found</html>", "gaussian_blur", 0.5, 0)


@pytest.mark.parametrize("name", DEFECTS)
@pytest.mark.parametrize("shape", [(40, 34), (60, 2000), (1, 1), (300, 1)])
def test_odd_sizes_give_pictures(name, shape) -> None:
    picture = np.full((*shape, 3), 255, np.uint8)
    height, width = shape
    picture[height // 5 : height - height // 5, width // 4 : width - width // 4] = (150, 40, 60)
    for severity in (0.0, 1.0):
        made = make(picture, name, severity, 5)
        assert made.dtype == np.uint8
        assert made.ndim == 3
        assert made.size


@pytest.mark.parametrize("name", DEFECTS)
@pytest.mark.parametrize("tone", [0, 128, 255])
def test_pictures_of_one_colour_and_grey_pictures_give_pictures(name, tone) -> None:
    uniform = np.full((90, 120, 3), tone, np.uint8)
    assert make(uniform, name, 0.7, 1).shape[2] == 3
    grey = uniform.copy()
    grey[20:70, 30:80] = 90
    assert make(grey, name, 0.7, 1).shape[2] == 3


@pytest.mark.parametrize("name", of_flag("blurry"))
def test_sharpness_falls_with_blur(name, products) -> None:
    sharpness = np.array(
        [
            [measure(make(picture, name, severity, seed)).sharpness for severity in (0, 0.2, 0.5)]
            for seed, picture in enumerate(products)
        ]
    )
    original = np.array([measure(picture).sharpness for picture in products])
    assert (original > LIMITS.min_sharpness).all()
    assert (sharpness[:, 0] < original).all()
    assert (np.diff(sharpness.mean(axis=0)) < 0).all()
    # From severity 0.2 on hardly anybody calls it sharp.
    assert np.sum(sharpness[:, 1] < LIMITS.min_sharpness) >= 5


@pytest.mark.parametrize("name", of_flag("blurry"))
def test_blur_is_a_share_of_the_size(name, product) -> None:
    # Reduced to one size, a blurred picture and its blurred enlargement lose as much detail.
    large = cv2.resize(product, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    size = (product.shape[1] // 2, product.shape[0] // 2)

    def kept(picture) -> float:
        made = make(picture, name, 0.5, 4)
        small = cv2.resize(made, size, interpolation=cv2.INTER_AREA)
        return float(cv2.Laplacian(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), cv2.CV_32F).std())

    assert kept(large) == pytest.approx(kept(product), rel=0.4)


@pytest.mark.parametrize("name", ["whitespace_padding", "grabcut_white"])
def test_the_object_shrinks_with_severity(name, products) -> None:
    for seed, picture in enumerate(products):
        shares = [
            measure(make(picture, name, severity, seed)).foreground_fraction
            for severity in (0, 0.5, 1)
        ]
        assert shares[0] > shares[1] > shares[2]
        assert shares[0] < LIMITS.min_foreground_fraction + 0.01
        assert shares[2] == pytest.approx(0.03, abs=0.02)


def test_a_natural_ground_replaces_the_background(products) -> None:
    for seed, picture in enumerate(products):
        made = make(picture, "grabcut_natural", 0.3, seed)
        assert measure(made).background_pure_white < 0.5
        assert make(picture, "grabcut_natural", 0.9, seed).shape == made.shape


def test_the_object_is_cut_out_of_flat_and_uneven_grounds(product) -> None:
    object_share = np.mean(product.min(axis=2) < 250)
    cutout = cut_out(product)
    share = np.count_nonzero(cutout.alpha > 127) / product[..., 0].size
    assert share == pytest.approx(object_share, abs=0.05)
    rng = np.random.default_rng(2)
    noise = rng.integers(60, 200, (8, 7, 3), dtype=np.uint8)
    scene = cv2.resize(noise, product.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    scene[80:240, 70:190] = (235, 30, 25)
    found = cut_out(scene)
    assert found.alpha.shape[0] == pytest.approx(160, abs=24)
    assert found.alpha.shape[1] == pytest.approx(120, abs=24)


def test_a_picture_without_an_object_is_cut_out_whole() -> None:
    plain = np.full((120, 90, 3), 77, np.uint8)
    assert cut_out(plain).alpha.min() == 255
    assert cut_out(plain).picture.shape == plain.shape


@pytest.mark.parametrize("name", of_flag("placeholder"))
def test_placeholders_look_alike_only_by_their_size(name, product) -> None:
    made = [make(product, name, 0.5, seed) for seed in range(12)]
    assert len({one.tobytes() for one in made}) >= 10  # Two empty panels may be of one grey.
    tones = {tuple(one[2, 2] // 8) for one in made}
    assert len(tones) >= 4
    other = np.zeros_like(product)
    assert np.array_equal(make(other, name, 0.5, 3), made[3])


def test_placeholders_have_little_detail() -> None:
    picture = np.zeros((300, 300, 3), np.uint8)
    names = [name for name in of_flag("placeholder") if name != "gradient_panel"]
    details = [
        measure(make(picture, name, 0.5, seed)).detail for name in names for seed in range(8)
    ]
    assert np.median(details) < LIMITS.min_detail
    assert np.quantile(details, 0.95) < 0.6


def test_some_placeholders_are_png_files_and_all_else_is_jpeg(product_file) -> None:
    def kinds(name) -> set[str | None]:
        files = [render(product_file, name, 0.5, seed) for seed in range(12)]
        return {Image.open(io.BytesIO(data)).format for data in files}

    assert kinds("placeholder_icon") == {"JPEG", "PNG"}
    assert kinds("toned") == {"JPEG"}


@pytest.mark.parametrize("name", of_flag("promo_badge"))
def test_badges_cover_more_with_severity(name, product) -> None:
    shares = np.array(
        [
            [changed(product, make(product, name, severity, seed)).mean() for severity in (0, 1)]
            for seed in range(10)
        ]
    )
    assert np.median(shares[:, 1]) > 2 * np.median(shares[:, 0])
    assert 0.002 < np.median(shares[:, 0]) < 0.08
    assert shares.max() < 0.45


@pytest.mark.parametrize("name", [*of_flag("text_overlay"), *of_flag("watermark")])
def test_overlays_change_a_part_of_the_picture(name, product) -> None:
    for seed in range(6):
        made = make(product, name, 0.6, seed)
        assert made.shape == product.shape
        assert 0.002 < changed(product, made).mean() < 0.6


@pytest.mark.parametrize("name", of_flag("watermark"))
def test_watermarks_are_stronger_with_severity(name, product) -> None:
    for seed in range(4):
        moved = [
            np.abs(make(product, name, severity, seed).astype(int) - product).mean()
            for severity in (0.0, 0.5, 1.0)
        ]
        assert moved[0] < moved[1] < moved[2]


@pytest.mark.parametrize("name", of_flag("border"))
def test_borders_change_the_edges_and_spare_the_middle(name, product) -> None:
    height, width = product.shape[:2]
    for seed in range(6):
        made = make(product, name, 0.5, seed)
        difference = changed(product, made)
        assert difference[0].mean() > 0.8 or difference[:, 0].mean() > 0.8
        middle = difference[height // 4 : -height // 4, width // 4 : -width // 4]
        assert not middle.any()


@pytest.mark.parametrize("name", of_flag("collage"))
def test_collages_keep_the_frame_and_show_parts_of_the_picture(name, product) -> None:
    for seed in range(6):
        made = make(product, name, 0.5, seed)
        assert made.shape == product.shape
        assert changed(product, made).mean() > 0.02


@pytest.mark.parametrize("name", of_flag(""))
def test_harmless_variations_keep_the_quality_rules(name, products) -> None:
    signals = [
        measure(make(picture, name, severity, seed))
        for seed, picture in enumerate(products)
        for severity in (0.0, 0.5, 1.0)
    ]
    assert np.mean([one.sharpness >= LIMITS.min_sharpness for one in signals]) > 0.94
    fractions = [one.foreground_fraction for one in signals]
    assert np.mean([share >= LIMITS.min_foreground_fraction for share in fractions]) > 0.94


def test_mild_padding_leaves_the_object_large(products) -> None:
    for seed, picture in enumerate(products):
        made = make(picture, "mildly_padded", 1.0, seed)
        assert made.size > picture.size
        assert measure(made).foreground_fraction > 0.33


def test_uniform_products_are_large_sharp_and_plain(product) -> None:
    made = [make(product, "uniform_product", 0.7, seed) for seed in range(16)]
    signals = [measure(one) for one in made]
    assert all(max(one.shape) >= 480 for one in made)
    assert np.mean([one.sharpness > LIMITS.min_sharpness for one in signals]) > 0.9
    assert np.mean([one.foreground_fraction > 0.3 for one in signals]) > 0.9
    # That is the trap: hardly more detail than a placeholder has.
    assert np.median([one.detail for one in signals]) < np.median(
        [measure(make(product, "toned", 0, seed)).detail for seed in range(3)]
    )


def test_reducing_never_goes_below_a_usable_size(product) -> None:
    assert max(make(product, "resized", 1.0, 0).shape) == 280
    small = product[:150, :100]
    assert make(np.ascontiguousarray(small), "resized", 1.0, 0).shape == small.shape


@pytest.mark.parametrize("name", ["central_crop_blur", "whitespace_padding", "grabcut_white"])
def test_real_pictures_become_what_the_defect_says(name, shared) -> None:
    files = sorted((shared("catalog") / "images" / "acme").glob("*.jpg"))[:240:20]
    better = 0
    for seed, path in enumerate(files):
        original = measure(decode(path.read_bytes()))
        made = measure(decode(render(path.read_bytes(), name, 0.6, seed)))
        if name == "central_crop_blur":
            better += made.sharpness < LIMITS.min_sharpness
        else:
            better += made.foreground_fraction < min(0.22, original.foreground_fraction)
    assert len(files) >= 10
    assert better >= 0.9 * len(files)
