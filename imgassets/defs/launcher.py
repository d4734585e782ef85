"""Runs that lost their process with all that could tell: after a crash or restart of the machine.

Dagster's own launcher of local runs says nothing of their health: a run whose code server was
killed with it stays "started" for as long as a run may last, and keeps its place in every limit.
This one answers, so that run monitoring ends such a run and run retries start it again.
"""

from __future__ import annotations

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

_MISSES = 2
"""Looks in a row at which a run's process was not found: a server may be busy once."""
_SECONDS = 30


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """Launches local runs as Dagster does, and tells whether their processes live."""

    def __init__(self, inst_data: object = None) -> None:
        super().__init__(inst_data)  # type: ignore[arg-type]
        self._missed: dict[str, int] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Tell Dagster that it may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether a run's process lives: failed once it was missed twice in a row."""
        if self._is_alive(run.run_id):
            self._missed.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        self._missed[run.run_id] = self._missed.get(run.run_id, 0) + 1
        if self._missed[run.run_id] < _MISSES:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        del self._missed[run.run_id]
        return CheckRunHealthResult(WorkerStatus.FAILED, "the run's process is gone")

    def _is_alive(self, run_id: str) -> bool:
        client = self._get_grpc_client_for_termination(run_id)
        if client is None:
            return False
        request = CanCancelExecutionRequest(run_id=run_id)
        try:
            answer = deserialize_value(
                client.can_cancel_execution(request, timeout=_SECONDS), CanCancelExecutionResult
            )
        except DagsterUserCodeUnreachableError:
            return False
        return answer.can_cancel
