"""Where the steps of a run work."""

import os

import dagster as dg

from imgassets.settings import Settings
from imgassets.settings.secrecy import may_be_secret


def executor_of(settings: Settings) -> dg.ExecutorDefinition:
    """Return the executor that the settings name.

    Raises:
        RuntimeError: its package is not installed.
    """
    if settings.executor == "in_process":
        # One process per run: a step's own process would pay for imports and models again.
        return dg.in_process_executor
    try:
        return _ray(settings) if settings.executor == "ray" else _kubernetes()
    except ImportError as error:
        raise RuntimeError(
            f"executor '{settings.executor}' needs more packages: pip install "
            f"'imgassets[{settings.executor}]', or set IMGASSETS_EXECUTOR=in_process"
        ) from error


def _ray(settings: Settings) -> dg.ExecutorDefinition:
    from dagster_ray import ray_executor

    cluster = {"address": settings.ray.address} if settings.ray.address else {}
    return ray_executor.configured(
        {
            "ray": {
                **cluster,
                # A job that asks for nothing runs on the head node, whatever else runs there.
                "num_cpus": 1.0,
                "env_vars": shown_variables(),
            },
            "retries": {"enabled": {}},
        },
        name="ray",
    )


def _kubernetes() -> dg.ExecutorDefinition:
    from dagster_k8s import k8s_job_executor

    return k8s_job_executor


def shown_variables() -> list[str]:
    """Return the names of the settings in the environment that a step on another machine is given.

    Ray shows what a job is given to everybody who sees its dashboard, so what may hold a secret is
    not among them: a node has secrets from its own environment.
    """
    return sorted(
        name
        for name, value in os.environ.items()
        if (name.startswith("IMGASSETS_") or name == "MLFLOW_TRACKING_URI")
        and not may_be_secret(name, value)
    )
