"""A service that runs in a thread of the tests."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from fastapi import FastAPI


class ServiceThread:
    """An application on a free port of this machine.

    Attributes:
        app: the application.
        url: where it answers.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}
        )

    def start(self) -> ServiceThread:
        """Start serving."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(60)
        assert not self._thread.is_alive()
