"""Custom features of pictures: the object's box, its colours by name, its texture."""

from __future__ import annotations

import cv2
import numpy as np
import polars as pl
import pytest

from imgassets.settings import VisionSettings
from imgassets.vision.custom_features import custom_features
from imgassets.vision.decode import Undecodable
from imgassets.vision.dominant_colours import COLOUR_NAMES, lab_of, name_of
from imgassets.vision.framing import reduce_to_map
from imgassets.vision.inputs import InputSpec, prepare
from imgassets.vision.object_box import find_object
from imgassets.vision.record import FEATURES_VERSION
from imgassets.vision.search_features import look_at_images
from imgassets.vision.search_schema import FEATURES_SCHEMA
from imgassets.vision.search_visit import SearchVisit, visit_for_search
from imgassets.vision.texture import N_PATTERNS, N_TEXTURE, texture
from imgassets.warehouse.contracts import ImageFeatures

WHITE = (255, 255, 255)


def picture(size=(160, 120), background=WHITE, **patches):
    """Draw filled rectangles (colour: top, bottom, left, right) on a plain background."""
    drawn = np.full((*size, 3), background, np.uint8)
    for colour, (top, bottom, left, right) in patches.items():
        drawn[top:bottom, left:right] = list(bytes.fromhex(colour.removeprefix("x")))
    return drawn


def names(features):
    return [colour.name for colour in features.colours]


def test_the_box_is_where_the_object_is() -> None:
    found = custom_features(picture(x1b2a49=(40, 120, 30, 90)))
    assert found.box_source == "plain"
    sides = [found.box_left, found.box_top, found.box_right, found.box_bottom]
    assert sides == pytest.approx([0.25, 0.25, 0.75, 0.75], abs=0.02)
    assert found.object_share == pytest.approx(0.25, abs=0.02)


def test_a_white_object_on_white_is_whole_but_a_ring_shows_the_background() -> None:
    shirt = picture(xe4e4e8=(30, 130, 20, 100))
    shirt[40:60, 40:80] = 255  # light falls on it
    assert find_object(reduce_to_map(shirt)).mask.mean() == pytest.approx(0.42, abs=0.03)
    ring = picture(x54425e=(30, 130, 20, 100))
    ring[42:118, 32:88] = 255
    assert names(custom_features(ring)) == ["purple"]


def test_where_no_background_is_plain_the_object_is_segmented() -> None:
    leaves = np.random.default_rng(0).integers(20, 230, (32, 32, 1)) * [0.5, 0.9, 0.4]
    drawn = cv2.resize(leaves.astype(np.uint8), (128, 128), interpolation=cv2.INTER_CUBIC)
    drawn[36:92, 40:88] = (200, 20, 30)
    found = custom_features(drawn)
    assert found.box_source == "grabcut"
    sides = [found.box_left, found.box_top, found.box_right, found.box_bottom]
    assert sides == pytest.approx([40 / 128, 36 / 128, 88 / 128, 92 / 128], abs=0.06)
    assert names(found) == ["red"]
    assert custom_features(drawn) == found, "nothing is random"


@pytest.mark.parametrize(
    "odd",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.full((40, 40, 3), 255, np.uint8),
        np.random.default_rng(1).integers(0, 256, (16, 300, 3), np.uint8),
        np.random.default_rng(2).integers(0, 256, (3, 200, 3), np.uint8),
        np.random.default_rng(3).integers(0, 256, (96, 64, 3), np.uint8),
    ],
    ids=["a pixel", "blank", "banner", "strip", "noise"],
)
def test_odd_pictures_have_features_within_the_contract(odd) -> None:
    found = custom_features(odd)
    frame = pl.DataFrame(
        {
            "day": [pl.date(2026, 1, 5)], "category": "a", "image_id": "0" * 64,
            "features_version": FEATURES_VERSION,
            **{name: [value] for name, value in found._asdict().items()},
        },
        schema_overrides={c: t for c, t in FEATURES_SCHEMA.items() if c != "image_id"},
    ).with_columns(pl.lit("2026-01-05").str.to_date().alias("day"))  # fmt: skip
    ImageFeatures.conform(frame)
    assert found.box_left < found.box_right
    assert found.box_top < found.box_bottom
    assert sum(found.colour_histogram) == pytest.approx(1, abs=1e-4)
    assert len(found.texture) == N_TEXTURE
    assert np.isfinite(found.texture).all()


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        ("#000000", "black"), ("#1b2a49", "navy"), ("#800000", "maroon"), ("#d9c4a5", "beige"),
        ("#ffffff", "white"), ("#6b6b3a", "olive"), ("#87ceeb", "light blue"),
        ("#ff7f00", "orange"),
        # Not in the table:
        ("#0a0a0c", "black"), ("#20304f", "navy"), ("#c81030", "red"), ("#3050a0", "blue"),
        ("#70707a", "grey"), ("#f7c6d0", "pink"), ("#107020", "green"),
    ],
)  # fmt: skip
def test_colours_have_the_names_that_people_give_them(sample, name) -> None:
    rgb = np.array([[list(bytes.fromhex(sample[1:]))]], np.uint8)
    assert name_of(lab_of(rgb)[0]) == [name]


def test_dominant_colours_come_by_their_share() -> None:
    # Two thirds navy, a third orange; shading does not make another colour.
    drawn = picture(x1b2a49=(20, 140, 20, 100), xff7f00=(20, 60, 20, 100))
    drawn[100:140, 20:100] = (32, 44, 70)
    found = custom_features(drawn)
    assert names(found) == ["navy", "orange"]
    first, second = found.colours
    assert first.share > 0.6 > 0.4 > second.share
    assert first.share + second.share == pytest.approx(1, abs=0.02)
    assert first.l == pytest.approx(18, abs=3)
    assert first.b < -15
    assert set(names(found)) <= set(COLOUR_NAMES)


def test_texture_tells_stripes_by_their_direction_and_ignores_light() -> None:
    stripes = np.tile(np.repeat([60, 180], 2).astype(np.uint8), (64, 16))
    mask = np.ones(stripes.shape, bool)
    upright, lying = texture(stripes, mask), texture(stripes.T.copy(), mask)
    plain = texture(np.full_like(stripes, 120), mask)
    assert upright[:N_PATTERNS].sum() == pytest.approx(1)
    energies = upright[N_PATTERNS:].reshape(3, 4, 2)[0, :, 0]
    assert energies.argmax() == 0
    assert energies[0] > 5 * energies[2]
    assert lying[N_PATTERNS:].reshape(3, 4, 2)[0, :, 0].argmax() == 2
    assert plain[N_PATTERNS:].max() == 0
    dim = texture(stripes // 2 + 20, mask)
    assert np.abs(dim - upright).max() < 0.1


def test_one_visit_brings_features_and_the_encoders_square(encode, draw_garment) -> None:
    drawn = draw_garment(side=200)
    spec = InputSpec(32, "pad")
    found = visit_for_search(encode(drawn), spec)
    assert isinstance(found, SearchVisit)
    assert found.features == custom_features(drawn)
    np.testing.assert_array_equal(found.square, prepare(drawn, spec))
    assert isinstance(visit_for_search(b"no picture", spec), Undecodable)


def test_many_images_are_looked_at_in_batches(encode) -> None:
    files = {
        "a": encode(picture(xd2122e=(40, 120, 30, 90))),
        "b": b"no picture",
        "c": encode(picture(x1b2a49=(40, 120, 30, 90))),
    }
    vision = VisionSettings(workers=1, batch_size=2)
    batches = list(
        look_at_images(["c", "a", "b", "a"], files.__getitem__, InputSpec(16, "pad"), vision)
    )
    features = pl.concat([frame for frame, _ in batches])
    assert features.schema == FEATURES_SCHEMA
    assert features["image_id"].to_list() == ["a", "c"]
    assert features["features_version"].unique().to_list() == [FEATURES_VERSION]
    leading = features["colours"].list.first().struct.field("name")
    assert leading.to_list() == ["red", "navy"]
    assert [squares.shape for _, squares in batches] == [(1, 16, 16, 3), (1, 16, 16, 3)]
    assert list(look_at_images([], files.__getitem__, InputSpec(16, "pad"), vision)) == []
