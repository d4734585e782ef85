"""Handing a backfill to a running Dagster: for cron, Airflow and other outside schedulers."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import httpx2

from imgassets.cli.common import CommandError, console
from imgassets.warehouse.partitions import Partition

_LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on PartitionKeysNotFoundError { message }
    ... on InvalidSubsetError { message }
  }
}
"""
_STATUS = """
query Status($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { status error { message } }
    ... on BackfillNotFoundError { message }
    ... on PythonError { message }
  }
}
"""
_DAEMONS = "query { instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } }"
_FAILED = {"FAILED", "FAILING", "COMPLETED_FAILED", "CANCELED", "CANCELING"}
_SUCCEEDED = {"COMPLETED", "COMPLETED_SUCCESS"}
_POLL_SECONDS = 2.0
_STILL_RUNNING = 3


def launch_backfill(
    webserver: str, partitions: Sequence[Partition], *, wait: bool, timeout: float
) -> None:
    """Ask the webserver to launch a backfill of the main job's assets for ``partitions``.

    Exits with code 3 when ``wait`` ends at ``timeout`` seconds with the backfill still running.

    Raises:
        CommandError: nobody answers, the daemon is not running, or the backfill failed.
    """
    if not partitions:
        console.print("nothing to do: every partition is up to date")
        return
    _require_daemon(webserver)
    from imgassets.defs.jobs import MAIN_ASSETS
    from imgassets.defs.partitions import to_key

    keys = [str(to_key(partition)) for partition in partitions]
    ranges = [{"start": key, "end": key} for key in keys]
    # Explicit partitions per asset: naming them once would pull in every downstream partition
    # that depends on them through the all-days-so-far mapping.
    params = {
        "partitionsByAssets": [
            {"assetKey": {"path": [name]}, "partitions": {"ranges": ranges}} for name in MAIN_ASSETS
        ],
        "title": "imgassets backfill",
        "tags": [{"key": "imgassets/launched_by", "value": "cli --launch"}],
    }
    answer = _ask(webserver, _LAUNCH, {"params": params})["launchPartitionBackfill"]
    if answer["__typename"] != "LaunchBackfillSuccess":
        raise CommandError(f"Dagster refused the backfill: {answer.get('message', answer)}")
    backfill_id = answer["backfillId"]
    console.print(f"backfill {backfill_id} of {len(keys)} partitions launched: {webserver}/runs")
    if wait:
        _wait(webserver, backfill_id, timeout)


def _wait(webserver: str, backfill_id: str, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    with console.status(f"waiting for backfill {backfill_id}"):
        while time.monotonic() < deadline:
            answer = _ask(webserver, _STATUS, {"id": backfill_id})["partitionBackfillOrError"]
            if answer["__typename"] != "PartitionBackfill":
                raise CommandError(f"backfill {backfill_id}: {answer.get('message', answer)}")
            if answer["status"] in _SUCCEEDED:
                console.print(f"backfill {backfill_id} succeeded")
                return
            if answer["status"] in _FAILED:
                why = (answer.get("error") or {}).get("message") or "see its runs in the UI"
                raise CommandError(f"backfill {backfill_id} {answer['status'].lower()}: {why}")
            time.sleep(_POLL_SECONDS)
    console.print(f"backfill {backfill_id} still runs after {timeout:.0f} s")
    sys.exit(_STILL_RUNNING)


def _require_daemon(webserver: str) -> None:
    statuses = _ask(webserver, _DAEMONS, {})["instance"]["daemonHealth"]["allDaemonStatuses"]
    if not any(s["daemonType"] == "BACKFILL" and s["healthy"] for s in statuses):
        raise CommandError(
            "the Dagster daemon is not running, so nobody would take up the backfill: "
            "start it with `make dev`, or `dagster-daemon run`"
        )


def _ask(webserver: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    try:
        response = httpx2.post(
            f"{webserver.rstrip('/')}/graphql",
            json={"query": query, "variables": variables},
            timeout=60.0,
        )
        response.raise_for_status()
        body = response.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise CommandError(
            f"no Dagster webserver answers at {webserver} ({error}): start it with `make dev`, "
            "or set IMGASSETS_WEBSERVER"
        ) from error
    if body.get("errors"):
        raise CommandError(f"Dagster: {body['errors'][0]['message']}")
    data: dict[str, Any] = body["data"]
    return data
