"""The steps of a run as jobs of a Ray cluster of two nodes, one of which has the GPU."""

from __future__ import annotations

import importlib.util
import os
import subprocess

import pytest
from polars.testing import assert_frame_equal

from imgassets.defs.jobs import SIGNAL_ASSETS
from imgassets.defs.partitions import CATEGORY, to_key
from imgassets.defs.runner import open_instance
from imgassets.ingest.store import ImageStore
from imgassets.settings import Settings
from imgassets.vision.engine import compute_signals
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition
from tests.integration.conftest import BIN, REPOSITORY, Deployment
from tests.ray_nodes import ray_nodes

if importlib.util.find_spec("dagster_ray") is None:
    pytest.skip("pip install 'imgassets[ray]' was not done", allow_module_level=True)

NODES = [{"num_cpus": 2}, {"num_cpus": 1, "num_gpus": 1}]


@pytest.mark.soak
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_steps_run_as_jobs_of_the_cluster_and_gpu_steps_where_the_gpu_is(
    engine: str, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in deployment.environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    feeds = warehouse.sql("SELECT min(day), category FROM feed_files GROUP BY ALL ORDER BY ALL")
    partition = Partition(*feeds.row(["local", "ray"].index(engine)))
    with open_instance(settings) as instance:
        instance.add_dynamic_partitions(str(CATEGORY.name), [partition.category])
    with ray_nodes(NODES, dashboard=True) as cluster:
        environment = {
            **os.environ,
            "IMGASSETS_ENGINE": engine,
            "IMGASSETS_EXECUTOR": "ray",
            "IMGASSETS_RAY__ADDRESS": cluster.address,
        }
        done = subprocess.run(
            [
                *(BIN / "dagster", "asset", "materialize", "-m", "imgassets.definitions"),
                *("--select", ",".join(SIGNAL_ASSETS)),
                *("--partition", str(to_key(partition))),
            ],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        ran_on = _nodes_of_steps(cluster.address)
        (with_gpu,) = cluster.worker_nodes
        if engine == "local":  # else Ray's actors ask for what they need, the step for nothing
            assert ran_on["image_signals.infer_image_signals"] == with_gpu.node_id
    assert set(ran_on) > set(SIGNAL_ASSETS[:3])
    of_partition = f"WHERE day = '{partition.day}' AND category = '{partition.category}'"
    signals = warehouse.sql(f"SELECT * FROM image_signals {of_partition} ORDER BY image_id")
    ids = warehouse.sql(f"SELECT image_id FROM aggregated_images {of_partition}")["image_id"]
    here = compute_signals(list(ids), ImageStore(settings.image_store).get, settings.vision)
    assert_frame_equal(signals.select(here.signals.columns), here.signals, check_dtypes=False)
    assert signals.height > 3


def _nodes_of_steps(address: str) -> dict[str, str]:
    """Return the id of the node that each step ran on."""
    from ray.job_submission import JobSubmissionClient

    jobs = JobSubmissionClient(address).list_jobs()
    return {str((job.metadata or {})["dagster/op"]): str(job.driver_node_id) for job in jobs}
