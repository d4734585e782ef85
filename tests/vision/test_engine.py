from __future__ import annotations

import hashlib
import random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from imgassets.settings import VisionSettings
from imgassets.vision.engine import compute_signals, outcomes_of
from imgassets.vision.schema import SIGNALS_SCHEMA
from imgassets.warehouse import contracts


@pytest.fixture(scope="module")
def files(draw_garment, encode):
    pictures = [encode(draw_garment(100 + 20 * k, k), "JPEG") for k in range(9)]
    contents = [*pictures, pictures[0][:500], b"<html>", b""]
    return {hashlib.sha256(data).hexdigest(): data for data in contents}


def test_results_do_not_depend_on_order_processes_or_batches(files) -> None:
    ids = list(files)
    first = compute_signals(ids, files.__getitem__, VisionSettings(workers=1, batch_size=32))
    random.Random(1).shuffle(ids)
    second = compute_signals(
        ids + ids[:4], files.__getitem__, VisionSettings(workers=3, batch_size=2)
    )
    assert_frame_equal(first.signals, second.signals, check_exact=True)
    assert_frame_equal(first.refused, second.refused)
    assert first.signals["image_id"].is_sorted()
    assert len(first.signals) == 9
    assert sorted(first.refused["rule_id"]) == ["not_an_image", "not_an_image", "undecodable"]
    assert first.refused["detail"].str.len_chars().min() > 10


def test_batches_do_not_change_a_pretrained_backbones_rows(files, shared) -> None:
    folder = shared("weights") / "mobilenet_v2_1.0_224"
    by_batch = [
        compute_signals(
            list(files),
            files.__getitem__,
            VisionSettings(backbone=str(folder), device="cpu", batch_size=size),
        ).signals
        for size in (3, 32)
    ]
    assert_frame_equal(*by_batch, check_exact=True)


def test_rows_keep_the_contract(files) -> None:
    result = compute_signals(list(files), files.__getitem__, VisionSettings())
    rows = result.signals.with_columns(
        day=pl.date(2026, 1, 5), category=pl.lit("bags")
    )  # fmt: skip
    assert len(contracts.ImageSignals.conform(rows)) == 9


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


def test_every_image_comes_once_in_batches(files) -> None:
    settings = VisionSettings(batch_size=5)
    batches = list(outcomes_of(list(files), files.__getitem__, settings))
    assert [batch.height for batch in batches] == [5, 5, 2]
    assert sorted(pl.concat(batches)["image_id"]) == sorted(files)


def test_a_failing_store_is_not_hidden(files) -> None:
    with pytest.raises(KeyError):
        compute_signals([*files, "absent"], files.__getitem__, VisionSettings())


def test_bytes_are_loaded_a_bounded_number_ahead(files) -> None:
    key = next(key for key, data in files.items() if len(data) > 1000)
    loaded: list[str] = []
    behind: list[int] = []
    done = 0

    def load(image_id: str) -> bytes:
        loaded.append(image_id)
        return files[key]

    settings = VisionSettings(workers=2, batch_size=4)
    for batch in outcomes_of([f"{k:03}" for k in range(60)], load, settings):
        done += batch.height
        behind.append(len(loaded) - done)
    assert len(loaded) == 60
    assert max(behind) <= 4 + 2 * 2
