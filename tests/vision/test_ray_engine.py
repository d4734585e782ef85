from __future__ import annotations

import hashlib
import importlib.util
import time

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from imgassets.ingest.store import ImageStore
from imgassets.settings import RaySettings, Settings, VisionSettings
from imgassets.vision.engine import compute_signals, outcomes_of
from imgassets.vision.operator import ImageSignals
from imgassets.vision.photo_signals import photo_outcomes
from imgassets.vision.ray_engine import OperatorActor
from imgassets.vision.search_features import feature_outcomes
from tests.ray_nodes import ray_environment, ray_nodes

if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray (pip install 'imgassets[ray]') is not installed", allow_module_level=True)

SETTINGS = VisionSettings(workers=1, batch_size=2)


@pytest.fixture(scope="module")
def files(draw_garment, encode):
    pictures = [encode(draw_garment(100 + 20 * k, k), "JPEG") for k in range(9)]
    contents = [*pictures, pictures[0][:500], b"<html>"]
    return {hashlib.sha256(data).hexdigest(): data for data in contents}


@pytest.fixture(scope="module")
def cluster():
    with ray_nodes([{"num_cpus": 1}]) as cluster:
        yield RaySettings(address=cluster.address, wait_seconds=1)


def test_a_node_with_another_release_computes_nothing() -> None:
    with pytest.raises(RuntimeError, match=r"has 0\.0\.1: install the same release everywhere"):
        OperatorActor(ImageSignals, (), SETTINGS, "0.0.1")


@pytest.mark.slow
def test_ray_computes_the_rows_of_this_process(cluster, files, tmp_path) -> None:
    import ray

    store = ImageStore(str(tmp_path))
    ids = [store.put(data) for data in files.values()]
    here = compute_signals(ids, store.get, SETTINGS)
    there = compute_signals(ids, store.get, SETTINGS, cluster)
    assert_frame_equal(here.signals, there.signals, check_exact=True)
    assert_frame_equal(here.refused, there.refused)
    assert here.signals.height == 9
    assert not ray.is_initialized()


@pytest.mark.slow
def test_no_node_has_room_for_an_actor(cluster) -> None:
    wants = cluster.model_copy(update={"gpus_per_actor": 1.0})
    with pytest.raises(RuntimeError, match=r"has room .*'GPU': 1.0.* IMGASSETS_RAY__CPUS_PER"):
        compute_signals(["a"], {}.__getitem__, SETTINGS, wants)


@pytest.mark.soak
def test_other_operators_run_on_ray_too(cluster, files, tmp_path) -> None:
    settings = Settings(home=tmp_path, vision=SETTINGS)
    for outcomes in (photo_outcomes, feature_outcomes):
        here = pl.concat(outcomes(list(files), files.__getitem__, settings))
        there = pl.concat(outcomes(list(files), files.__getitem__, settings, cluster))
        assert_frame_equal(here.sort("image_id"), there.sort("image_id"), check_exact=True)


@pytest.mark.soak
def test_an_image_that_a_node_cannot_read_ends_the_computation(cluster, tmp_path) -> None:
    store = ImageStore(str(tmp_path / "of_one_machine_only"))
    with pytest.raises(RuntimeError, match=r"on node [\d.]+.*is not in the image store .*_only"):
        compute_signals(["0" * 64], store.get, SETTINGS, cluster)


@pytest.mark.soak
def test_a_model_that_a_node_does_not_have_ends_the_computation(cluster, files, tmp_path) -> None:
    vision = SETTINGS.model_copy(update={"backbone": str(tmp_path / "absent")})
    with pytest.raises(RuntimeError, match=r"on node [\d.]+.*absent"):
        list(outcomes_of(list(files), files.__getitem__, vision, cluster))


@pytest.mark.soak
def test_images_that_kill_every_actor_are_not_tried_for_ever(cluster, files) -> None:
    def load(image_id: str) -> bytes:
        import os

        os._exit(1)

    once = cluster.model_copy(update={"retries": 1})
    with pytest.raises(RuntimeError, match=r"lost .* after 2 attempts"):
        compute_signals(list(files), load, SETTINGS, once)


def test_a_cluster_that_is_not_there() -> None:
    with pytest.raises(RuntimeError, match=r"127.0.0.1:1 cannot be joined: .*IMGASSETS_RAY__ADDR"):
        compute_signals(["a"], {}.__getitem__, SETTINGS, RaySettings(address="127.0.0.1:1"))
    with pytest.raises(RuntimeError, match=r"IMGASSETS_RAY__ADDRESS as host:port"):
        compute_signals(["a"], {}.__getitem__, SETTINGS, RaySettings(address="ray://head:10001"))


@pytest.mark.soak
def test_without_an_address_a_cluster_of_this_machine_computes(files) -> None:
    import ray

    with ray_environment():
        there = compute_signals(list(files), files.__getitem__, SETTINGS, RaySettings())
    assert there.signals.height == 9
    assert not ray.is_initialized()


@pytest.mark.soak
def test_rows_are_the_same_when_one_of_two_nodes_dies(files, tmp_path) -> None:
    store = ImageStore(str(tmp_path / "images"))
    ids = sorted(store.put(data) for data in files.values())
    marks = tmp_path / "marks"
    with ray_nodes([{"num_cpus": 1}, {"num_cpus": 1}]) as cluster:
        (doomed,) = cluster.worker_nodes
        doomed_id = doomed.node_id

        def load(image_id: str) -> bytes:
            import ray

            node = marks / ray.get_runtime_context().get_node_id()
            node.mkdir(parents=True, exist_ok=True)
            (node / image_id).touch()
            if node.name == doomed_id and len(list(node.iterdir())) > 1:
                time.sleep(3600)  # so it certainly dies in the middle of a block
            return store.get(image_id)

        settings = RaySettings(address=cluster.address, actors=2)
        outcomes = outcomes_of(ids, load, SETTINGS, settings)
        first = next(outcomes)
        while len(list((marks / doomed_id).glob("*"))) < 2:
            time.sleep(0.1)
        cluster.remove_node(doomed, allow_graceful=False)
        there = pl.concat([first, *outcomes]).sort("image_id")
    here = pl.concat(outcomes_of(ids, store.get, SETTINGS)).sort("image_id")
    assert_frame_equal(here, there, check_exact=True)
    looked_at = {node.name: {mark.name for mark in node.iterdir()} for node in marks.iterdir()}
    begun = looked_at.pop(doomed_id)
    assert begun & set().union(*looked_at.values()), "nothing was computed again"
