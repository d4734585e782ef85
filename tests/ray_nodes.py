"""Nodes of a Ray cluster, each a raylet with processes of its own, on this machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

_STORE_BYTES = 100 * 2**20


@contextmanager
def ray_environment() -> Iterator[None]:
    """Keep what Ray writes out of the home folder and of /tmp/ray for the time of a ``with`` block.

    It is to begin before Ray is imported.
    """
    # The path is short because that of a socket is limited.
    with tempfile.TemporaryDirectory(prefix="ray") as folder:
        variables = {
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": folder,
            # A busy machine takes its time to start all processes.
            "RAY_gcs_rpc_server_reconnect_timeout_s": "300",
        }
        with patch.dict(os.environ, variables):
            yield


@contextmanager
def ray_nodes(nodes: Sequence[dict[str, Any]], *, dashboard: bool = False) -> Iterator[Cluster]:
    """Run a cluster for the time of a ``with`` block, which this process has not joined.

    Args:
        nodes: what each has, e.g. ``{"num_cpus": 1}``; the first is the head.
        dashboard: of the head; jobs are submitted to it.

    Yields:
        The cluster; ``cluster.address`` is what joins it, and ``cluster.remove_node(node,
        allow_graceful=False)`` kills all processes of a node of ``cluster.worker_nodes``.
    """
    with ray_environment():
        from ray.cluster_utils import Cluster

        head, *others = nodes
        # Two processes less to start: what they do, scaling and copying logs, nobody asks for.
        less = {"no_monitor": True, "include_log_monitor": False}
        own = {"include_dashboard": dashboard, "object_store_memory": _STORE_BYTES, **less}
        cluster = Cluster()
        try:
            _add(cluster, {**own, **head})
            for node in others:
                _add(cluster, {"object_store_memory": _STORE_BYTES, **node})
            yield cluster
        finally:
            cluster.shutdown()


def _add(cluster: Cluster, node: dict[str, Any], tries: int = 3) -> None:
    """Start a node; Ray waits thirty seconds for it, which is short on a busy machine."""
    for left in reversed(range(tries)):
        try:
            cluster.add_node(**node)
            return
        except Exception as error:
            if not left or "timed out during startup" not in str(error):
                raise
