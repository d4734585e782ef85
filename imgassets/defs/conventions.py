"""What all assets share: owner, groups, kinds, code version and the backfill policy."""

import base64
from typing import TYPE_CHECKING, Any

import dagster as dg

from imgassets import __version__
from imgassets.defs.partitions import CATEGORY, DAY_CATEGORY
from imgassets.settings import Settings

if TYPE_CHECKING:
    from imgassets.learning.outcome import TrainingOutcome
    from imgassets.operations.file_feed import TakenIn

OWNERS = ["team:image-platform"]


def gpu_tags(settings: Settings, *, by_engine: bool = False) -> dict[str, Any]:
    """Return what a step of the pool ``gpu`` asks Kubernetes or Ray for.

    Only executors that give each step a pod or a job of its own heed it.

    Args:
        settings: the number of GPUs, and the engine.
        by_engine: the engine computes; actors of a Ray cluster have GPUs of their own, so that the
            step, which waits for them, must not hold one.
    """
    gpus = settings.gpus_per_step
    if gpus == 0 or (by_engine and settings.engine == "ray"):
        return {}
    return {
        "dagster-k8s/config": {
            "container_config": {"resources": {"limits": {"nvidia.com/gpu": str(gpus)}}},
            # Label and taint of nodes that NVIDIA's GPU operator looks after.
            "pod_spec_config": {
                "node_selector": {"nvidia.com/gpu.present": "true"},
                "tolerations": [
                    {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
                ],
            },
        },
        "dagster-ray/config": {"num_gpus": gpus},
    }


INFERENCE: dict[str, Any] = {"pool": "gpu", "tags": gpu_tags(Settings(), by_engine=True)}
"""Of a step that runs networks on pixels, on the engine of the settings."""

TRAINING: dict[str, Any] = {"pool": "gpu", "op_tags": gpu_tags(Settings())}
"""Of an asset that trains networks, or asks them about pixels, in its own process."""


def described(group: str, *kinds: str) -> dict[str, Any]:
    """Return what every asset says of itself, beside its description."""
    return {
        "group_name": group,
        "kinds": set(kinds),
        "owners": OWNERS,
        "code_version": __version__,
    }


def model(*kinds: str) -> dict[str, Any]:
    """Return the arguments of an asset that trains a model or measures one."""
    return described("models", "mlflow", *kinds)


def table_from_outside(name: str, group: str, description: str, **more: Any) -> dg.AssetSpec:  # noqa: ANN401
    """Return a table that no asset fills: people, files and commands do."""
    return dg.AssetSpec(name, description=description, **described(group, "duckdb"), **more)


def partitioned(group: str, *kinds: str) -> dict[str, Any]:
    """Return the arguments of a (day, category) asset in ``group``.

    One run covers all partitions of a backfill's rectangle: imports and models are paid for once.
    """
    return {**described(group, "duckdb", *kinds), **in_rectangles()}


def in_rectangles() -> dict[str, Any]:
    """Return the partitions and policy of a step that writes several (day, category) assets."""
    return {
        "partitions_def": DAY_CATEGORY,
        "backfill_policy": dg.BackfillPolicy.single_run(),
    }


def by_category(group: str, *kinds: str) -> dict[str, Any]:
    """Return the arguments of an asset of one category each, many of them in one run."""
    return {
        **described(group, *kinds),
        "partitions_def": CATEGORY,
        "backfill_policy": dg.BackfillPolicy.single_run(),
    }


def output(group: str, description: str, *kinds: str) -> dg.AssetOut:
    """Return one of several tables that one step writes."""
    return dg.AssetOut(description=description, **described(group, "duckdb", *kinds))


def plot(title: str, png: bytes) -> dg.MarkdownMetadataValue:
    """Return a PNG file as metadata that the UI shows as a picture."""
    encoded = base64.b64encode(png).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{encoded})")


def outcome_of(report: "TrainingOutcome", *measures: str) -> dict[str, Any]:
    """Return what a training came to, as metadata; `measures` names some of its own, or all."""
    known = report.metrics
    return {
        "version": report.version.version,
        "promoted": report.promoted,
        "retrained": report.retrained,
        "why": report.explanation,
        "n_train": report.n_train,
        "n_test": report.n_test,
        "notes": list(report.notes),
        **{name: float(known[name]) for name in measures or known if name in known},
    }


def counts_of(found: "TakenIn") -> dict[str, int]:
    """Return what a look at files took in, as metadata."""
    return {
        "files": len(found.files),
        "rows_new": found.new,
        "rows_replaced": found.replaced,
        "rows_withdrawn": found.withdrawn,
        "rows_refused": found.refused,
    }
