from __future__ import annotations

import hashlib
import tempfile

import pytest
from polars.testing import assert_frame_equal

from imgassets.settings import RaySettings, VisionSettings
from imgassets.vision.engine import compute_signals

ray = pytest.importorskip("ray", reason="Ray (pip install 'imgassets[ray]') is not installed")

pytestmark = pytest.mark.slow


@pytest.fixture
def local_cluster(monkeypatch):
    # Ray would write a token to the home folder and its sessions to /tmp/ray. The path is short
    # because that of a socket is limited.
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory(prefix="ray") as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        yield


def test_ray_computes_the_rows_of_this_process(local_cluster, draw_garment, encode) -> None:
    pictures = [encode(draw_garment(100 + 20 * k, k), "JPEG") for k in range(7)]
    contents = [*pictures, pictures[0][:500], b"<html>"]
    files = {hashlib.sha256(data).hexdigest(): data for data in contents}
    settings = VisionSettings(workers=1, batch_size=4)
    here = compute_signals(list(files), files.__getitem__, settings)
    there = compute_signals(list(files), files.__getitem__, settings, RaySettings(actors=1))
    assert_frame_equal(here.signals, there.signals, check_exact=True)
    assert_frame_equal(here.refused, there.refused)
    assert here.signals.height == 7
    assert not ray.is_initialized()


@pytest.mark.soak
def test_an_error_in_an_actor_ends_the_computation(local_cluster) -> None:
    with pytest.raises(Exception, match="absent"):
        compute_signals(["absent"], {}.__getitem__, VisionSettings(workers=1), RaySettings())
