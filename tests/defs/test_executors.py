from __future__ import annotations

import importlib.util
from pathlib import Path

import dagster as dg
import pytest

from imgassets.defs.conventions import gpu_tags
from imgassets.defs.executors import executor_of, shown_variables
from imgassets.settings import Settings


@pytest.mark.parametrize(
    ("name", "package"),
    [("in_process", "dagster"), ("ray", "dagster_ray"), ("kubernetes", "dagster_k8s")],
)
def test_the_setting_chooses_the_executor(tmp_path: Path, name: str, package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    executor = executor_of(Settings(home=tmp_path, executor=name))  # type: ignore[arg-type]
    assert isinstance(executor, dg.ExecutorDefinition)
    assert executor.name in {"in_process", "ray", "k8s"}


def test_secrets_do_not_travel_with_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "IMGASSETS_HOME": "/srv/imgassets",
        "IMGASSETS_IMAGE_STORE": "s3://bucket/images",
        "IMGASSETS_WAREHOUSE": "ducklake:postgres:host=db password=swordfish",
        "MLFLOW_TRACKING_URI": "https://me:swordfish@mlflow",
        "IMGASSETS_ALERTS__WEBHOOK": "https://chat/swordfish",
        "IMGASSETS_ALERTS__SMTP_PASSWORD": "swordfish",
        "IMGASSETS_SERVICE__API_KEYS": '["a:swordfish"]',
        "AWS_SECRET_ACCESS_KEY": "swordfish",
    }.items():
        monkeypatch.setenv(name, value)
    travelling = shown_variables()
    assert {"IMGASSETS_HOME", "IMGASSETS_IMAGE_STORE"} <= set(travelling)
    assert not {"IMGASSETS_WAREHOUSE", "MLFLOW_TRACKING_URI"} & set(travelling)
    assert not [name for name in travelling if "ALERTS__" in name or "API_KEYS" in name]
    assert "AWS_SECRET_ACCESS_KEY" not in travelling


def test_a_step_asks_for_gpus_unless_rays_actors_do(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, gpus_per_step=2)
    tags = gpu_tags(settings, by_engine=True)
    assert tags["dagster-ray/config"] == {"num_gpus": 2}
    container = tags["dagster-k8s/config"]["container_config"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "2"}
    on_ray = settings.model_copy(update={"engine": "ray"})
    assert gpu_tags(on_ray, by_engine=True) == {}
    assert gpu_tags(on_ray) == tags
    assert gpu_tags(settings.model_copy(update={"gpus_per_step": 0})) == {}
