"""Joining a Ray cluster, and whether it has room: Ray itself would wait, or fail at length."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgassets.settings import RaySettings


@contextmanager
def joined(settings: RaySettings) -> Iterator[None]:
    """Be a driver of the cluster for the time of a ``with`` block.

    Without an address that is the cluster that RAY_ADDRESS names, as it does in a job of one, then
    one that runs on this machine; where there is none, one is started here and ended again. A
    process that had joined a cluster before stays with it.

    Args:
        settings: the cluster.

    Raises:
        RuntimeError: it cannot be joined.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    if settings.address:
        _knock(settings.address)
    try:
        ray.init(
            settings.address or None,
            include_dashboard=False,  # that of a cluster started here would only open a port
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _not_joined(settings.address or "of this machine", error) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Tell whether anybody listens; Ray itself would wait for minutes and end the process.

    Args:
        address: ``host:port``, or a word such as ``auto``.

    Raises:
        RuntimeError: nobody does, or it is not a node's address.
    """
    if "://" in address:
        raise RuntimeError(
            f"the Ray cluster {address} cannot be joined from outside: run the step in a job of it "
            "(IMGASSETS_EXECUTOR=ray) or beside one of its nodes, and give IMGASSETS_RAY__ADDRESS "
            "as host:port"
        )
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise _not_joined(address, error) from error


def _not_joined(cluster: str, error: Exception) -> RuntimeError:
    return RuntimeError(
        f"the Ray cluster {cluster} cannot be joined: {' '.join(str(error).split())} "
        "(IMGASSETS_RAY__ADDRESS names it; Python and Ray have to be of the same release "
        "everywhere)"
    )


def await_room(settings: RaySettings) -> None:
    """Wait for a node that is large enough for an actor, whatever else runs there now.

    Args:
        settings: what an actor asks for, and how long to wait.

    Raises:
        RuntimeError: there was none in time. Ray itself would wait for ever.
    """
    import ray

    wanted = {
        "CPU": settings.cpus_per_actor,
        "GPU": settings.gpus_per_actor,
        "memory": settings.memory_mib_per_actor * 2**20,
    }
    wanted = {name: amount for name, amount in wanted.items() if amount}

    def room() -> bool:
        return any(
            all(node["Resources"].get(name, 0) >= amount for name, amount in wanted.items())
            for node in ray.nodes()
            if node["Alive"]
        )

    if room():
        return
    # An autoscaler starts nodes for what is asked for.
    asked = ray.util.placement_group([wanted])
    try:
        deadline = time.monotonic() + settings.wait_seconds
        while not room():
            if time.monotonic() >= deadline:
                raise RuntimeError(
                    f"no node of the Ray cluster has room for an actor ({wanted}) after "
                    f"{settings.wait_seconds:g} s: start one, or ask for less by "
                    "IMGASSETS_RAY__CPUS_PER_ACTOR, __GPUS_PER_ACTOR or __MEMORY_MIB_PER_ACTOR"
                )
            time.sleep(0.5)
    finally:
        ray.util.remove_placement_group(asked)
