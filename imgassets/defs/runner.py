"""Runs many partitions in this process: start-up and models are paid for once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from imgassets.defs.partitions import (
    CATEGORY,
    RANGE_END,
    RANGE_START,
    ROUND,
    VERTICAL,
    to_key,
)
from imgassets.learning.type_scopes import Scope
from imgassets.settings import Settings
from imgassets.warehouse.partitions import Partition


class RunFailed(RuntimeError):
    """A run in this process failed; the message names the step and its error."""


def dagster_home() -> Path:
    """Return the folder of dagster.yaml: DAGSTER_HOME, else the one that came with imgassets."""
    if named := os.environ.get("DAGSTER_HOME"):
        return Path(named)
    package = Path(__file__).parent.parent
    packaged = package / "dagster_home"
    return packaged if packaged.exists() else package.parent / "dagster_home"


def prepare_environment(settings: Settings) -> dict[str, str]:
    """Point Dagster at its configuration and state; return the variables that do so."""
    state = Path(os.environ.get("IMGASSETS_DAGSTER_STORAGE", settings.home / "dagster"))
    state.mkdir(parents=True, exist_ok=True)
    variables = {
        "DAGSTER_HOME": str(dagster_home().absolute()),
        "IMGASSETS_DAGSTER_STORAGE": str(state),
        "IMGASSETS_HOME": str(settings.home),
    }
    os.environ.update(variables)
    return variables


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance whose state lives under the settings' home."""
    prepare_environment(settings)
    with dg.DagsterInstance.get() as instance:
        yield instance


def add_categories(instance: dg.DagsterInstance, categories: Sequence[str]) -> list[str]:
    """Add missing categories as dynamic partitions; return all in Dagster's order."""
    return _add_keys(instance, CATEGORY, categories)


def add_scope(instance: dg.DagsterInstance, scope: Scope) -> None:
    """Add the partition of a model of image types where it is missing."""
    if scope.kind != "global":
        _add_keys(instance, CATEGORY if scope.kind == "category" else VERTICAL, [scope.name])


def add_round(instance: dg.DagsterInstance, key: str) -> None:
    """Add a round's partition where it is missing."""
    _add_keys(instance, ROUND, [key])


def _add_keys(
    instance: dg.DagsterInstance, partitions: dg.DynamicPartitionsDefinition, keys: Sequence[str]
) -> list[str]:
    name = partitions.name or ""
    new = sorted(set(keys) - set(instance.get_dynamic_partitions(name)))
    if new:
        instance.add_dynamic_partitions(name, new)
    return list(instance.get_dynamic_partitions(name))


def run_rectangle(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    partitions: Sequence[Partition],
    assets: Sequence[str],
    *,
    verbose: bool = False,
) -> dg.ExecuteInProcessResult:
    """Run ``assets`` for a rectangle of partitions in this process, as one Dagster run.

    Raises:
        RunFailed: a step failed; what earlier steps committed stays.
    """
    return _execute(
        definitions.resolve_implicit_global_asset_job_def(),
        instance,
        verbose,
        asset_selection=[dg.AssetKey(name) for name in assets],
        tags={
            RANGE_START: str(to_key(partitions[0])),
            RANGE_END: str(to_key(partitions[-1])),
            "imgassets/launched_by": "cli",
        },
    )


def run_job(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job_name: str,
    *,
    verbose: bool,
    partition_key: str | None = None,
    ops: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job in this process, for one of its partitions if it has any.

    Args:
        definitions: the code location.
        instance: keeps the run.
        job_name: the job.
        verbose: print its log.
        partition_key: the partition.
        ops: run configuration of its steps, by name.

    Raises:
        RunFailed: a step failed.
    """
    job = definitions.resolve_job_def(job_name)
    return _execute(job, instance, verbose, ops, partition_key=partition_key)


def _execute(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    verbose: bool,
    ops: Mapping[str, Any] | None = None,
    **options: Any,  # noqa: ANN401  handed on to execute_in_process
) -> dg.ExecuteInProcessResult:
    level = "INFO" if verbose else "CRITICAL"
    result = job.execute_in_process(
        instance=instance,
        run_config={
            "loggers": {"console": {"config": {"log_level": level}}},
            **({"ops": dict(ops)} if ops else {}),
        },
        raise_on_error=False,
        **options,
    )
    if not result.success:
        raise RunFailed(_describe_failure(result))
    return result


def failed_checks(result: dg.ExecuteInProcessResult) -> list[str]:
    """Return the names of the asset checks that failed in a run."""
    return sorted(
        evaluation.check_name
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed
    )


def _describe_failure(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            text = (error.message if error else "unknown error").strip()
            return f"{event.step_key} failed: {text} (run {result.run_id})"
    return f"run {result.run_id} failed before any step"
