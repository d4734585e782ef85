"""Dagster's configuration of several machines: loaded by Dagster, its runs sent to PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes.client
import kubernetes_validate
import pytest
import yaml
from dagster._config import process_config
from dagster._serdes import ConfigurableClassData
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import construct_dagster_k8s_job, get_user_defined_k8s_config

from imgassets.defs.conventions import gpu_tags
from imgassets.settings import Settings
from tests.servers import postgres, postgres_url

pytestmark = pytest.mark.slow

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    with postgres(tmp_path / "pg") as dsn:
        monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres_url(dsn))
        monkeypatch.setenv("IMGASSETS_DAGSTER_STORAGE", str(tmp_path / "dagster"))
        with dg.DagsterInstance.from_config(str(DEPLOY / "dagster_home")) as opened:
            yield opened


def test_runs_events_and_partitions_are_kept_in_postgresql(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    @dg.asset(partitions_def=dg.DynamicPartitionsDefinition(name="category"))
    def counted() -> int:
        return 1

    instance.add_dynamic_partitions("category", ["tees"])
    assert dg.materialize([counted], instance=instance, partition_key="tees").success
    with dg.DagsterInstance.from_config(str(DEPLOY / "dagster_home")) as again:
        assert again.get_runs_count() == 1
        assert again.get_materialized_partitions(counted.key) == {"tees"}
    assert list(tmp_path.glob("**/*.db")) == []


@pytest.fixture
def launcher(tmp_path: Path) -> K8sRunLauncher:
    """The run launcher as deploy/kubernetes configures it, beside a cluster that is not there."""
    config: dict[str, Any] = yaml.safe_load((DEPLOY / "kubernetes/dagster.yaml").read_text())
    launcher = config["run_launcher"]
    reached = tmp_path / "kubeconfig"
    reached.write_text(
        yaml.safe_dump(
            {
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": {}}],
                "current-context": "c",
            }
        )
    )
    where = {"load_incluster_config": False, "kubeconfig_file": str(reached)}
    checked = process_config(K8sRunLauncher.config_type(), {**launcher["config"], **where})
    assert checked.success, checked.errors
    data = ConfigurableClassData(
        launcher["module"], launcher["class"], yaml.safe_dump(checked.value)
    )
    return data.rehydrate(as_type=K8sRunLauncher)


@pytest.mark.parametrize("gpus", [0, 1])
def test_a_step_is_a_job_that_kubernetes_takes(launcher: K8sRunLauncher, gpus: int) -> None:
    tags = {
        name: json.dumps(asked) for name, asked in gpu_tags(Settings(gpus_per_step=gpus)).items()
    }
    run = dg.DagsterRun(job_name="backfill", run_id="1")
    context = K8sContainerContext.create_for_run(run, launcher, include_run_tags=False).merge(
        K8sContainerContext(run_k8s_config=get_user_defined_k8s_config(tags))
    )
    job = construct_dagster_k8s_job(
        context.get_k8s_job_config("imgassets:0.1.0", launcher),
        ["dagster", "api", "execute_step"],
        "step",
        user_defined_k8s_config=context.run_k8s_config,
    )
    sent = kubernetes.client.ApiClient().sanitize_for_serialization(job)
    kubernetes_validate.validate(sent, "1.37", strict=True)

    pod = sent["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["serviceAccountName"] == "launcher"
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    named = [*(source.popitem()[1]["name"] for source in container["envFrom"])]
    assert named == ["imgassets", "imgassets"]  # the ConfigMap and the Secret
    limits = {"memory": "8Gi", **({"nvidia.com/gpu": "1"} if gpus else {})}
    assert container["resources"] == {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": limits}
    assert pod.get("nodeSelector", {}) == ({"nvidia.com/gpu.present": "true"} if gpus else {})
