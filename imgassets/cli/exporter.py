"""The command that tells Prometheus how a deployment does."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from imgassets.cli.common import CommandError, console, errors, open_warehouse, settings
from imgassets.cli.serve import Host


def exporter(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of /metrics.")] = 9464,
    every: Annotated[
        float, typer.Option(min=1, help="Seconds between two looks at Dagster and the warehouse.")
    ] = 60.0,
) -> None:
    """Serve metrics of runs, assets, the daemon, the backlog and the storage at /metrics.

    Requests are answered from the last look. The web service has a /metrics of its own.
    """
    from prometheus_client import CollectorRegistry, start_http_server

    from imgassets.defs.exporter import Exporter
    from imgassets.defs.runner import open_instance

    of = settings()
    with open_instance(of) as instance:
        metrics = Exporter(instance, open_warehouse(of), of)
        registry = CollectorRegistry()
        registry.register(metrics)
        try:
            server, _ = start_http_server(port, host, registry)
        except OSError as error:
            raise CommandError(
                f"cannot listen at {host}, port {port} ({error.strerror or error}): "
                "choose another with --port"
            ) from error
        console.print(f"metrics at http://{host}:{port}/metrics (Ctrl-C stops)", soft_wrap=True)
        try:
            while True:
                for part, fault in metrics.refresh().items():
                    errors.print(f"{part}: {fault}", style="yellow", markup=False, soft_wrap=True)
                time.sleep(every)
        except KeyboardInterrupt:
            console.print("stopped")
        finally:
            server.shutdown()
