from __future__ import annotations

import hashlib
import random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from imgassets.settings import VisionSettings
from imgassets.vision.engine import SIGNALS_SCHEMA, ImageSignalsOperator, compute_signals
from imgassets.warehouse.contracts import ImageSignals


@pytest.fixture(scope="module")
def files(draw_garment, encode):
    pictures = [encode(draw_garment(100 + 20 * k, k), "JPEG") for k in range(9)]
    contents = [*pictures, pictures[0][:500], b"<html>", b""]
    return {hashlib.sha256(data).hexdigest(): data for data in contents}


def test_results_do_not_depend_on_order_threads_or_batches(files) -> None:
    ids = list(files)
    first = compute_signals(ids, files.__getitem__, VisionSettings(workers=1, batch_size=32))
    random.Random(1).shuffle(ids)
    second = compute_signals(
        ids + ids[:4], files.__getitem__, VisionSettings(workers=4, batch_size=2)
    )
    assert_frame_equal(first.signals, second.signals)
    assert_frame_equal(first.refused, second.refused)
    assert first.signals["image_id"].is_sorted()
    assert len(first.signals) == 9
    assert sorted(first.refused["rule_id"]) == ["not_an_image", "not_an_image", "undecodable"]
    assert first.refused["detail"].str.len_chars().min() > 10


def test_rows_keep_the_contract(files) -> None:
    result = compute_signals(list(files), files.__getitem__, VisionSettings())
    rows = result.signals.with_columns(
        day=pl.date(2026, 1, 5), category=pl.lit("bags")
    )  # fmt: skip
    assert len(ImageSignals.conform(rows)) == 9


def test_nothing_to_do(files) -> None:
    result = compute_signals([], files.__getitem__, VisionSettings())
    assert result.signals.is_empty()
    assert result.signals.schema == pl.Schema(SIGNALS_SCHEMA)
    assert result.refused.is_empty()


def test_only_refusals(files) -> None:
    broken = [key for key, data in files.items() if len(data) < 10]
    result = compute_signals(broken, files.__getitem__, VisionSettings())
    assert result.signals.is_empty()
    assert len(result.refused) == 2


def test_progress_counts_every_image_once(files) -> None:
    steps: list[int] = []
    compute_signals(list(files), files.__getitem__, VisionSettings(batch_size=5), steps.append)
    assert steps == [5, 5, 2]


def test_a_failing_store_is_not_hidden(files) -> None:
    with pytest.raises(KeyError):
        compute_signals([*files, "absent"], files.__getitem__, VisionSettings())


def test_operator_is_what_the_engine_computes(files) -> None:
    settings = VisionSettings()
    frame, refused = ImageSignalsOperator(settings)(list(files.items()))
    assert len(refused) == 3
    whole = compute_signals(list(files), files.__getitem__, settings)
    assert_frame_equal(frame.sort("image_id"), whole.signals)


def test_bytes_are_loaded_a_bounded_number_ahead(files) -> None:
    key = next(key for key, data in files.items() if len(data) > 1000)
    loaded: list[str] = []
    behind: list[int] = []
    done = 0

    def load(image_id: str) -> bytes:
        loaded.append(image_id)
        return files[key]

    def progress(count: int) -> None:
        nonlocal done
        done += count
        behind.append(len(loaded) - done)

    settings = VisionSettings(workers=2, batch_size=4)
    compute_signals([f"{k:03}" for k in range(60)], load, settings, progress)
    assert len(loaded) == 60
    assert max(behind) <= 4 + 2 * 2
