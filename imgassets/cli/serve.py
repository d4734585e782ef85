"""Commands that run the web service."""

from __future__ import annotations

import socket
import webbrowser
from typing import Annotated

import typer

from imgassets.cli.common import CommandError, console, open_warehouse, settings

_GRACE_SECONDS = 10
"""Requests under way may take that long after Ctrl-C; a commit takes less than one."""

_BACKLOG = 128

Host = Annotated[
    str,
    typer.Option(
        help="Address to listen at. With 0.0.0.0 it is open to the network: also name what "
        "browsers call it by, with --allow-host."
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(help="Name that browsers may call this service by; may be repeated."),
]
OpenPage = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    allow_host: AllowHost = None,
    open_page: OpenPage = False,
) -> None:
    """Serve the web pages and the API until Ctrl-C; nobody else can reach it by default.

    There is no login: whoever reaches the service can answer as anybody. Behind a proxy that
    asks for one, name the proxy's host with `--allow-host`.
    """
    _run(host, port, allow_host or [], open_page, page="/", warm=True)


def serve_review(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    allow_host: AllowHost = None,
    open_page: OpenPage = False,
) -> None:
    """Serve the review page: questions about images, answered by single keys."""
    _run(host, port, allow_host or [], open_page, page="/review")


def _run(
    host: str, port: int, allow_host: list[str], open_page: bool, page: str, warm: bool = False
) -> None:
    import uvicorn

    from imgassets.ingest.store import ImageStore
    from imgassets.operations.models import open_registry
    from imgassets.service.app import create_app

    of = settings()
    with _listen(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        app = create_app(
            of,
            open_warehouse(of),
            ImageStore(of.image_store),
            open_registry(of),
            [shown, *allow_host],
            warm=warm,
        )
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        address = f"http://{shown}:{listener.getsockname()[1]}{page}"
        console.print(f"serving {address} (Ctrl-C stops)", soft_wrap=True)
        if open_page:
            # It listens already: the browser waits until the service is up.
            webbrowser.open(address)
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            console.print("stopped: every confirmed answer is kept")


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, so that a taken port is known before anything else starts.

    Raises:
        CommandError: the address is not this machine's, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CommandError(
            f"cannot listen at {host}, port {port} ({error.strerror or error}): "
            "choose another with --port, or end what uses it"
        ) from error
