"""De-duplication with a real warehouse and store: pixels are compared once, people overrule."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.ingest.store import ImageStore
from imgassets.moderation.pair_tasks import choose_pair_tasks
from imgassets.operations.duplicates import deduplicate, typed_images
from imgassets.operations.reviews import add_tasks, record_answer
from imgassets.settings import DedupSettings, Settings, VisionSettings
from imgassets.vision.decode import decode
from imgassets.vision.signals import measure
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComparedPairs,
    DedupClusters,
    ImageSignals,
    ImageTypes,
    QualityScores,
    ReviewAnswers,
    ReviewTasks,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition

PARTITION = Partition(date(2026, 1, 5), "bags")
CELL = {"day": date(2026, 1, 5), "category": "bags", "product_id": "p1"}


def draw(seed: int, stylus: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picture = np.full((400, 320, 3), 255, np.uint8)
    cv2.rectangle(picture, (60, 50), (260, 360), tuple(rng.integers(20, 180, 3).tolist()), -1)
    for _ in range(16):
        centre = (int(rng.integers(70, 250)), int(rng.integers(60, 350)))
        colour = tuple(rng.integers(0, 255, 3).tolist())
        cv2.circle(picture, centre, int(rng.integers(6, 26)), colour, -1, cv2.LINE_AA)
    if stylus:
        cv2.line(picture, (200, 90), (214, 330), (25, 25, 25), 7, cv2.LINE_AA)
    return picture


def encoded(picture: np.ndarray, quality: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality)
    return out.getvalue()


FILES = {
    "bag": encoded(draw(1), 92),
    "copy": encoded(cv2.resize(draw(1), (240, 300), interpolation=cv2.INTER_AREA), 70),
    "with stylus": encoded(draw(1, stylus=True), 92),
    "other": encoded(draw(2), 92),
}


@pytest.fixture
def store(tmp_path) -> ImageStore:
    return ImageStore(str(tmp_path / "images"))


@pytest.fixture
def ids(store, warehouse) -> dict[str, str]:
    """Put the files in the store and what is known of them in the warehouse; return their ids."""
    ids = {name: store.put(data) for name, data in FILES.items()}
    images = [CELL | {"image_id": ids[name]} for name in FILES]

    def rows(**columns) -> list[dict]:
        return [image | columns for image in images]

    signals = [
        image | measure(decode(data))._asdict() | {"signals_version": "test", "embedding": [1.0]}
        for image, data in zip(images, FILES.values(), strict=True)
    ]
    none: pl.Series = pl.lit([], pl.List(pl.String))
    quality = pl.DataFrame(rows(p_blurry=0.1, p_small_object=0.1, p_placeholder=0.1, passed=True))
    types = pl.DataFrame(
        rows(
            image_type="front", probability=0.9, approach="logistic", answered_by="global",
            best_guess="front", model_version="1",
        )
    )  # fmt: skip
    aggregated = pl.DataFrame(
        rows(
            suppliers=["acme"], image_urls=["a.jpg"], best_position=1, is_curated=False,
            format="JPEG", width=320, height=400, byte_size=1000, mode="rgb", bit_depth=8,
            frames=1, first_seen=CELL["day"],
        )
    )  # fmt: skip
    warehouse.replace(
        [
            Replacement(ImageTypes, types),
            Replacement(ImageSignals, pl.DataFrame(signals)),
            Replacement(AggregatedImages, aggregated),
            Replacement(
                QualityScores,
                quality.with_columns(failed_rules=none, judged_by=none, reasons=none),
            ),
            Replacement(ComparedPairs, ComparedPairs.create_empty()),
            Replacement(ReviewTasks, ReviewTasks.create_empty()),
            Replacement(ReviewAnswers, ReviewAnswers.create_empty()),
        ],
        CommitMessage(asset="test"),
    )
    return ids


@pytest.fixture
def run(warehouse: Warehouse, store, ids, tmp_path) -> Callable[..., pl.DataFrame]:
    """De-duplicate the files, commit the pairs, and return the clusters."""
    told_of: list[tuple[int, int]] = []

    def go(**dedup) -> pl.DataFrame:
        settings = Settings(
            home=tmp_path, dedup=DedupSettings(**dedup), vision=VisionSettings(workers=1)
        )
        (found,) = deduplicate(
            warehouse, store, settings, [PARTITION],
            lambda done, total: told_of.append((done, total)),
        )  # fmt: skip
        warehouse.replace(
            [Replacement(ComparedPairs, found.pairs)], CommitMessage(asset="compared_pairs")
        )
        return DedupClusters.conform(found.clusters)

    go.told_of = told_of  # type: ignore[attr-defined]
    return go


def groups(clusters: pl.DataFrame, ids: dict[str, str]) -> set[frozenset[str]]:
    names = {image_id: name for name, image_id in ids.items()}
    return {
        frozenset(names[i] for i in members)
        for members in clusters.group_by("cluster_id").agg("image_id")["image_id"].to_list()
    }


APART = {frozenset({"bag", "copy"}), frozenset({"with stylus"}), frozenset({"other"})}


def test_a_copy_is_dropped_and_the_stylus_is_seen(run, ids, warehouse) -> None:
    assert groups(run(), ids) == APART
    pairs = warehouse.read(ComparedPairs)
    names = {image_id: name for name, image_id in ids.items()}
    seen = {
        frozenset((names[r["left_image_id"]], names[r["right_image_id"]])): r
        for r in pairs.iter_rows(named=True)
    }
    stylus = next(r for pair, r in seen.items() if "with stylus" in pair and not r["same"])
    box = stylus["left_box"]
    # It stands at 61 … 68 % of the width.
    assert box[1] <= 0.68
    assert box[1] + box[3] >= 0.61
    assert box[3] < 0.25


def test_signals_alone_do_not_see_it(run, ids, tmp_path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text("[default.ensemble]\nphash = 18\nedge_dhash = 18\nhsv = 0.3\n")
    together = groups(run(pixels=False, thresholds=limits), ids)
    assert frozenset({"bag", "copy", "with stylus"}) in together


def test_what_was_compared_is_not_compared_again(run, warehouse) -> None:
    first = run()
    n_pairs = warehouse.read(ComparedPairs).height
    assert run.told_of[-1] == (n_pairs, n_pairs)
    run.told_of.clear()
    assert run().equals(first)
    assert run.told_of == []


def test_another_model_compares_anew(run, tmp_path, warehouse) -> None:
    from imgassets.selection.pairs import verdict

    run()
    before = warehouse.read(ComparedPairs)["comparator_version"].unique().to_list()
    own = tmp_path / "own.txt"
    own.write_text(verdict._SHIPPED.read_text() + "\n")
    run(comparator=own)
    after = warehouse.read(ComparedPairs)["comparator_version"].unique().to_list()
    assert len(before) == len(after) == 1
    assert before != after


def test_people_overrule(run, ids, warehouse) -> None:
    def say(one: str, other: str, answer: str) -> None:
        left, right = sorted((ids[one], ids[other]))
        pair = pl.DataFrame(
            {
                **{name: [CELL[name]] for name in CELL}, "left_image_id": [left],
                "right_image_id": [right], "image_type": ["front"], "same": [True],
                "probability": [0.9], "decided_by": ["pixels"],
                "left_box": [[0.0, 0.0, 1.0, 1.0]], "right_box": [[0.0, 0.0, 1.0, 1.0]],
                "comparator_version": ["test"],
            }
        )  # fmt: skip
        tasks = choose_pair_tasks("bags", pair, 0.9, 1)
        add_tasks(warehouse, tasks)
        now = datetime(2026, 1, 6, tzinfo=UTC)
        record_answer(warehouse, tasks["task_id"].item(), answer, "ann", now)

    say("bag", "copy", "different")
    assert frozenset({"bag", "copy"}) not in groups(run(), ids)
    say("with stylus", "other", "same")
    assert frozenset({"with stylus", "other"}) in groups(run(), ids)


def test_large_partitions_are_read_in_slices_of_whole_products(warehouse, ids) -> None:
    whole = pl.concat(typed_images(warehouse, [PARTITION]))
    assert whole.height == len(FILES)
    parts = list(typed_images(warehouse, [PARTITION], most_rows=2))
    assert len(parts) == 2
    # One product: it is in one slice, however large.
    assert sorted(part.height for part in parts) == [0, len(FILES)]


def test_an_image_that_is_gone_stops_with_its_name(run, ids, store) -> None:
    store_file = next(p for p in _files(store) if ids["copy"] in p.name)
    store_file.write_bytes(b"no picture")
    with pytest.raises(RuntimeError, match="cannot be compared"):
        run()


def _files(store: ImageStore):
    return [p for p in Path(store.root).rglob("*") if p.is_file()]


def test_wrong_limits_are_told_in_one_sentence(run, tmp_path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text("[default]\nsame_probabilty = 0.9\n")
    with pytest.raises(ValueError, match="same_probabilty"):
        run(thresholds=limits)
    with pytest.raises(ValueError, match="cannot read thresholds"):
        run(thresholds=tmp_path / "none.toml")
