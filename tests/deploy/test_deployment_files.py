"""What is in deploy/, by the tools of each format: nothing here needs a cluster or Docker."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from imgassets.settings import unknown_variables

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
BIN = Path(sys.executable).parent

# Parts of dagster.yaml in which machines do not differ.
_COMMON = ("telemetry", "concurrency", "run_monitoring", "run_retries", "retention", "nux")


def check(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def load(*parts: str) -> Any:
    return yaml.safe_load(DEPLOY.joinpath(*parts).read_text())


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of all that `kubectl apply -k deploy/kubernetes` would send."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    rendered = tmp_path_factory.mktemp("kubernetes") / "manifests.yaml"
    rendered.write_text(check("kubectl", "kustomize", DEPLOY / "kubernetes"))
    return rendered


@pytest.fixture(scope="module")
def objects(manifests: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(manifests.read_text()))


def test_yaml_is_in_order() -> None:
    check(BIN / "yamllint", "--strict", "-c", DEPLOY / ".yamllint.yaml", DEPLOY)


def test_the_compose_file_keeps_its_specification() -> None:
    check(
        BIN / "check-jsonschema",
        *("--builtin-schema", "vendor.compose-spec"),
        DEPLOY / "compose.yaml",
    )
    services = load("compose.yaml")["services"]
    assert all("healthcheck" in part for name, part in services.items() if name != "bucket")


def test_the_manifests_keep_the_api_of_kubernetes(manifests: Path) -> None:
    check(BIN / "kubernetes-validate", "--strict", "--quiet", manifests)


def test_everything_that_manifests_name_is_there(objects: list[dict[str, Any]]) -> None:
    there = {(found["kind"], found["metadata"]["name"]) for found in objects}
    text = json.dumps(objects)
    for kind, pattern in (
        ("ConfigMap", r'"configMap(?:Ref)?": \{"name": "([^"]+)"'),
        ("PersistentVolumeClaim", r'"claimName": "([^"]+)"'),
        ("ServiceAccount", r'"serviceAccountName": "([^"]+)"'),
    ):
        assert {(kind, name) for name in re.findall(pattern, text)} <= there
    settings = next(
        o["data"] for o in objects if o["metadata"]["name"] == "imgassets" and "data" in o
    )
    assert f'"image": "{settings["DAGSTER_CURRENT_IMAGE"]}"' in text
    launcher = load("kubernetes", "dagster.yaml")["run_launcher"]["config"]
    assert ("ServiceAccount", launcher["service_account_name"]) in there
    assert ("ConfigMap", launcher["instance_config_map"]) in there
    assert {("ConfigMap", name) for name in launcher["env_config_maps"]} <= there


def test_pods_have_no_rights_they_do_not_need(objects: list[dict[str, Any]]) -> None:
    parts = [found for found in objects if found["kind"] in ("Deployment", "StatefulSet")]
    assert len(parts) == 7
    for part in parts:
        pod = part["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"], part["metadata"]["name"]
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"].keys() == {"requests", "limits"}
            assert "livenessProbe" in container


def test_files_hold_no_password() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not re.search(
                r"(?i)(password|secret_access_key)[ \t]*[:=][ \t]*['\"]?\w{4,}", text
            )
            assert not re.search(r"://[^/\s:@]+:[^/\s:@]+@", text)


def test_settings_are_known(objects: list[dict[str, Any]]) -> None:
    compose = load("compose.yaml")
    named = [*compose["x-imgassets"]["environment"], *compose["secrets"]]
    for found in objects:
        if found["kind"] == "ConfigMap":
            named += found["data"]
    named += re.findall(r"\bIMGASSETS_\w+", (DEPLOY / "Dockerfile").read_text())
    assert len([name for name in named if name.startswith("IMGASSETS_")]) > 20
    # The image's name is Compose's affair.
    assert unknown_variables(set(named) - {"IMGASSETS_IMAGE"}) == []


def test_copies_are_equal() -> None:
    """Kustomize reads no file outside its folder, and dagster.yaml includes no other."""
    machine = yaml.safe_load((DEPLOY.parent / "dagster_home" / "dagster.yaml").read_text())
    compose, kubernetes = load("dagster_home", "dagster.yaml"), load("kubernetes", "dagster.yaml")
    for part in _COMMON:
        assert machine[part] == compose[part] == kubernetes[part], part
    assert compose["storage"] == kubernetes["storage"]
    helm = load("helm", "values.yaml")["concurrency"]
    assert (
        helm["runs"]["maxConcurrentRuns"] == machine["concurrency"]["runs"]["max_concurrent_runs"]
    )
    limits = machine["concurrency"]["runs"]["tag_concurrency_limits"]
    assert helm["runs"]["tagConcurrencyLimits"] == limits
    for ours, theirs in (
        ("dagster_home/workspace.yaml", "kubernetes/workspace.yaml"),
        ("postgres/databases.sql", "kubernetes/databases.sql"),
    ):
        assert (DEPLOY / ours).read_text() == (DEPLOY / theirs).read_text()
