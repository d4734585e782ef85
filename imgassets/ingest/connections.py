"""Open connections, kept for the next request to the same origin."""

from __future__ import annotations

import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpcore2

_IDLE_SECONDS = 5.0
"""An idle connection is not used again after this time: servers close them soon, too."""

_Headers = Sequence[tuple[bytes, bytes]]


class Answer:
    """A response whose body is being received.

    Attributes:
        status: HTTP status code.
        headers: by lower-case name, the last one of a kind.
        read: the body was read to its end.
    """

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response
        self.status = response.status
        self.headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
        self.read = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body as it arrives."""
        async for chunk in self._response.aiter_stream():
            yield chunk
        self.read = True


class Connections:
    """Connections over HTTP/1.1 and HTTP/2, each with one request at a time.

    httpcore's pool would send several at once over HTTP/2. But it cannot stop a server in the
    middle of a body, and what nobody reads then fills the window of all the others: one file that
    is too large would hold up a hundred. Here a connection whose answer was not read to its end is
    closed. The pool also looks at every connection whenever a request starts or ends.

    Args:
        backend: opens the connections.
        ssl_context: trusted certificate authorities.
        keep: idle connections kept, all origins together.
    """

    def __init__(
        self, backend: httpcore2.AsyncNetworkBackend, ssl_context: ssl.SSLContext, keep: int
    ) -> None:
        self._backend = backend
        self._ssl_context = ssl_context
        self._keep = keep
        self._idle: OrderedDict[httpcore2.AsyncHTTPConnection, httpcore2.Origin] = OrderedDict()

    @asynccontextmanager
    async def get(self, url: httpcore2.URL, headers: _Headers) -> AsyncIterator[Answer]:
        """Send a request and give the answer as soon as its headers are there.

        Raises:
            httpcore2.NetworkError: the connection cannot be made, or broke.
            httpcore2.ProtocolError: the answer is no HTTP.
        """
        connection = await self._take(url.origin)
        answer: Answer | None = None
        try:
            async with connection.stream("GET", url, headers=headers) as response:
                answer = Answer(response)
                yield answer
        finally:
            if answer is not None and answer.read and connection.is_available():
                self._idle[connection] = url.origin
                if len(self._idle) > self._keep:
                    connection, _ = self._idle.popitem(last=False)
                    await connection.aclose()
            else:
                await connection.aclose()

    async def aclose(self) -> None:
        """Close the idle connections."""
        while self._idle:
            connection, _ = self._idle.popitem()
            await connection.aclose()

    async def _take(self, origin: httpcore2.Origin) -> httpcore2.AsyncHTTPConnection:
        """Return the connection to the origin that was used last, or a new one."""
        for connection in [c for c, its in reversed(self._idle.items()) if its == origin]:
            del self._idle[connection]
            if connection.is_available() and not connection.has_expired():
                return connection
            await connection.aclose()
        return httpcore2.AsyncHTTPConnection(
            origin,
            ssl_context=self._ssl_context,
            keepalive_expiry=_IDLE_SECONDS,
            http2=True,
            network_backend=self._backend,
        )
