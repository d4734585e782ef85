from __future__ import annotations

import datetime as dt
import hashlib
from itertools import combinations, pairwise

import numpy as np
import polars as pl
import pytest

from imgassets.operations.image_matches import (
    CROWDED,
    LARGE,
    NEIGHBOURS,
    MatchLimits,
    MatchReport,
    bands,
    match_images,
    matches_of,
)
from imgassets.selection.comparator import describe, distances
from imgassets.warehouse.contracts import ImageMatches, ImageSignals
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.workspace import open_workspace
from tests.marketplaces.conftest import signal_rows

DAYS = [dt.date(2026, 1, day) for day in (5, 6)]
HASHES = ("object_phash", "edge_dhash", "phash", "dhash")
Hashes = dict[str, int]


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def picture(rng: np.random.Generator) -> Hashes:
    """Return the hashes of a picture: half of the bits are set, as in most."""
    bits = np.array([1] * 32 + [0] * 32)
    return {name: int("".join(map(str, rng.permutation(bits))), 2) for name in HASHES}


def flip(hashes: Hashes, rng: np.random.Generator, **count: int) -> Hashes:
    """Return hashes with some of their bits flipped."""
    flipped = dict(hashes)
    for name, number in count.items():
        for bit in rng.choice(64, number, replace=False):
            flipped[name] ^= 1 << int(bit)
    return flipped


def image(name: object, hashes: Hashes, **more: object) -> dict[str, object]:
    return {
        "image_id": key(name), "day": DAYS[0], "hsv_histogram": [0.5, 0.5, 0.0],
        **{name: f"{value:016x}" for name, value in hashes.items()}, **more,
    }  # fmt: skip


def fill(lake: Warehouse, *images: dict[str, object]) -> pl.DataFrame:
    """Make these images all there is; return their rows."""
    rows = signal_rows(*images)
    lake.replace([Replacement(ImageSignals, rows)], CommitMessage(asset="test"))
    return rows


def found(lake: Warehouse) -> set[tuple[str, str]]:
    rows = ImageMatches.conform(lake.read(ImageMatches))
    assert (rows["left_image_id"] < rows["right_image_id"]).all()
    return set(rows.select("left_image_id", "right_image_id").iter_rows())


def pair(one: object, other: object) -> tuple[str, ...]:
    return tuple(sorted((key(one), key(other))))


def match(lake: Warehouse, limits: MatchLimits | None = None) -> MatchReport:
    return match_images(lake, "test", limits, memory_limit="500MB")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(6)


def test_near_copies_match_and_each_limit_counts(lake: Warehouse, rng: np.random.Generator) -> None:
    plain = picture(rng)
    # Only bits of the first block differ, so every pair shares a band whatever its distance.
    low = [1 << bit for bit in range(0, 64, 6)]
    far = plain | {"object_phash": plain["object_phash"] ^ sum(low[:4])}
    fill(
        lake,
        image("plain", plain),
        image("copy", flip(plain, rng, object_phash=2, edge_dhash=3, dhash=20)),
        image("other", picture(rng)),
        image("far", far),
        image("green", plain, hsv_histogram=[0.5, 0.0, 0.5]),
    )
    report = match(lake, MatchLimits(phash=3, edge_dhash=3, hsv=0.2))
    assert found(lake) == {pair("plain", "copy")}
    assert report.images == 5
    assert (report.pairs, report.matched_images, report.crowded_bands) == (1, 2, 0)
    match(lake, MatchLimits(phash=4, edge_dhash=3, hsv=0.2))
    assert pair("plain", "far") in found(lake)
    match(lake, MatchLimits(phash=3, edge_dhash=3, hsv=2.0))
    assert pair("plain", "green") in found(lake)
    match(lake, MatchLimits(phash=3, edge_dhash=2, hsv=0.2))
    assert found(lake) == set()


def test_distances_are_the_comparators(lake: Warehouse, rng: np.random.Generator) -> None:
    images = []
    for n in range(20):
        colours = rng.dirichlet(np.ones(16)).astype(np.float32)
        near = rng.dirichlet(colours * 4000 + 1).astype(np.float32)
        plain = picture(rng)
        images += [
            image(f"{n}", plain, hsv_histogram=colours.tolist()),
            image(f"{n} copy", flip(plain, rng, object_phash=n % 6, edge_dhash=n % 4),
                  hsv_histogram=near.tolist(), colourfulness=0.5 if n % 5 == 0 else 30.0),
        ]  # fmt: skip
    signals = fill(lake, *images)
    match(lake, MatchLimits(hsv=0.5))
    rows = lake.read(ImageMatches)
    row = {image_id: n for n, image_id in enumerate(signals["image_id"])}
    left, right = (
        np.array([row[i] for i in rows[name]]) for name in ("left_image_id", "right_image_id")
    )
    expected = distances(describe(signals), left, right)
    assert rows["phash_distance"].to_list() == expected.phash.tolist()
    assert rows["edge_dhash_distance"].to_list() == expected.edge_dhash.tolist()
    np.testing.assert_allclose(rows["hsv_distance"], expected.hsv, atol=1e-6)
    assert rows.height == 20
    assert expected.without_colour.sum() == 4


def test_beside_a_grayscale_picture_hashes_must_keep_half_of_their_limits(
    lake: Warehouse, rng: np.random.Generator
) -> None:
    plain = picture(rng)
    low = [1 << bit for bit in range(0, 64, 6)]
    gray = {"colourfulness": 0.0, "hsv_histogram": [0.0, 0.0, 1.0]}
    fill(
        lake,
        image("colour", plain),
        image("gray 2", plain | {"object_phash": plain["object_phash"] ^ sum(low[:2])}, **gray),
        image("gray 3", plain | {"object_phash": plain["object_phash"] ^ sum(low[:3])}, **gray),
    )
    match(lake, MatchLimits(phash=5, edge_dhash=5, hsv=0.2))
    assert found(lake) == {pair("colour", "gray 2"), pair("gray 2", "gray 3")}


@pytest.mark.parametrize(("images", "sure"), [(10, 5), (LARGE, 4)])
def test_bands_catch_every_pair_that_is_near_enough(
    images: int, sure: int, rng: np.random.Generator
) -> None:
    """Pigeonhole: fewer flipped bits than blocks leave a block untouched, in each hash."""
    made = bands(images)
    for first, second, most in (("object_phash", "edge_dhash", sure), ("phash", "dhash", 4)):
        of = [b for b in made if (b.first, b.second) == (first, second)]
        assert sum(b.first_mask for b in of) == (2**64 - 1) * (most + 1)
        for _ in range(500):
            one, other = (
                sum(1 << int(bit) for bit in rng.choice(64, most, replace=False)) for _ in range(2)
            )
            assert any(not b.first_mask & one and not b.second_mask & other for b in of)


def test_planted_copies_are_found_among_others(lake: Warehouse, rng: np.random.Generator) -> None:
    images, planted = [], set()
    for n in range(300):
        plain = picture(rng)
        copy = flip(picture(rng), rng) | flip(
            {name: plain[name] for name in ("object_phash", "edge_dhash")},
            rng, object_phash=5, edge_dhash=5,
        )  # fmt: skip
        images += [image(n, plain), image(f"{n} copy", copy)]
        planted.add(pair(n, f"{n} copy"))
    fill(lake, *images)
    match(lake)
    assert found(lake) == planted


def test_neither_order_nor_partitions_nor_other_versions_change_anything(
    lake: Warehouse, rng: np.random.Generator
) -> None:
    images = []
    for n in range(40):
        plain = picture(rng)
        images += [image(n, plain), image(f"{n} copy", flip(plain, rng, object_phash=3))]
    stock = picture(rng)
    images += [image(f"stock {n}", flip(stock, rng, edge_dhash=2)) for n in range(CROWDED + 30)]
    fill(lake, *images)
    match(lake)
    first = lake.read(ImageMatches)
    shuffled = [images[n] for n in rng.permutation(len(images))]
    again = [{**one, "day": DAYS[1], "category": "chairs"} for one in shuffled[::2]]
    old = image("old", stock, signals_version="older")
    fill(lake, *shuffled, *again, old)
    report = match(lake)
    assert lake.read(ImageMatches).equals(first)
    assert report.images == len(images)


def test_blank_pictures_match_nothing_and_cost_nothing(
    lake: Warehouse, rng: np.random.Generator
) -> None:
    white = {"object_phash": 1 << 63, "edge_dhash": 0, "phash": 1 << 63, "dhash": 0}
    stripes = {**picture(rng), "object_phash": 0x8200E1004200E000, "edge_dhash": 2**64 - 1}
    plain = picture(rng)
    fill(
        lake,
        *(image(f"white {n}", white) for n in range(2000)),
        *(image(f"stripes {n}", stripes) for n in range(500)),
        image("plain", plain),
        image("copy", plain),
    )
    report = match(lake)
    assert found(lake) == {pair("plain", "copy")}
    assert (report.images, report.featureless, report.crowded_bands) == (2502, 2500, 0)


def test_a_crowded_band_is_counted_and_its_members_meet_their_neighbours(
    lake: Warehouse, rng: np.random.Generator
) -> None:
    stock = picture(rng)
    few = {key(n) for n in range(CROWDED)}
    fill(lake, *(image(n, stock) for n in range(CROWDED)))
    report = match(lake)
    assert found(lake) == {tuple(sorted(p)) for p in combinations(few, 2)}
    assert report.crowded_bands == 0

    many = sorted(key(n) for n in range(1000))
    fill(lake, *(image(n, stock) for n in range(1000)))
    report = match(lake)
    assert report.crowded_bands == len(bands(1000))
    assert report.pairs <= len(many) * NEIGHBOURS
    assert set(pairwise(many)) <= found(lake)  # so all of them hang together
    assert report.matched_images == len(many)


def test_rows_of_another_hand_neither_crash_nor_match(
    lake: Warehouse, rng: np.random.Generator
) -> None:
    plain = picture(rng)
    broken = {
        "nan": "hsv_histogram = ['nan'::FLOAT, 0.5, 0.5]",
        "empty": "hsv_histogram = []",
        "no hash": "object_phash = 'blank'",
        "no other hash": "dhash = ''",
        "colour": "colourfulness = 'nan'::FLOAT",
    }
    names = ["plain", "copy", *broken]
    fill(lake, *(image(name, plain) for name in names))
    with open_workspace(lake, "500MB") as work:
        for name, change in broken.items():
            work.execute(f"UPDATE image_signals SET {change} WHERE image_id = '{key(name)}'")
    report = match(lake)
    assert found(lake) == {
        pair("plain", "copy"), pair("plain", "colour"), pair("copy", "colour")
    }  # fmt: skip
    assert (report.images, report.featureless) == (7, 2)


def test_an_empty_catalog_empties_the_table(lake: Warehouse, rng: np.random.Generator) -> None:
    plain = picture(rng)
    fill(lake, image("plain", plain), image("copy", plain))
    match(lake)
    lake.replace(
        [Replacement(ImageSignals, ImageSignals.create_empty())], CommitMessage(asset="test")
    )
    assert match(lake).pairs == 0
    assert lake.read(ImageMatches).is_empty()


def test_the_matches_of_one_image_are_those_of_the_table(
    lake: Warehouse, rng: np.random.Generator
) -> None:
    plain = picture(rng)
    images = [image(n, flip(plain, rng, object_phash=n % 5, edge_dhash=n % 3)) for n in range(12)]
    fill(lake, *images, image("other", picture(rng)), {**images[1], "day": DAYS[1]})
    limits = MatchLimits(phash=5, edge_dhash=4)
    match(lake, limits)
    rows = lake.read(ImageMatches).filter(
        (pl.col("left_image_id") == key(0)) | (pl.col("right_image_id") == key(0))
    )
    one = matches_of(lake, key(0), "test", limits)
    assert one.height == rows.height > 3
    assert set(one["image_id"]) == {*rows["left_image_id"], *rows["right_image_id"]} - {key(0)}
    total = one["phash_distance"] + one["edge_dhash_distance"]
    assert total.is_sorted()
    assert matches_of(lake, key("other"), "test").is_empty()
    assert matches_of(lake, key("unknown"), "test").is_empty()
