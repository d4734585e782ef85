"""A local run whose process is gone is told so, but not at the first look."""

import json
from pathlib import Path

import dagster as dg
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test

from imgassets.defs.launcher import WatchedRunLauncher

LAUNCHER = {"module": "imgassets.defs.launcher", "class": "WatchedRunLauncher"}


def test_a_run_whose_code_server_is_gone_is_failed_at_the_second_look(tmp_path: Path) -> None:
    with dg.instance_for_test(overrides={"run_launcher": LAUNCHER}) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, WatchedRunLauncher)
        assert launcher.supports_check_run_worker_health
        server = {"host": "localhost", "socket": str(tmp_path / "gone")}
        run = create_run_for_test(
            instance, status=dg.DagsterRunStatus.STARTED, tags={GRPC_INFO_TAG: json.dumps(server)}
        )
        looks = [launcher.check_run_worker_health(run).status for _ in range(3)]
        assert looks == [WorkerStatus.RUNNING, WorkerStatus.FAILED, WorkerStatus.RUNNING]
