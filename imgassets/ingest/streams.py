"""A TCP connection as httpcore wants it, on asyncio's own streams.

httpcore's default goes through anyio, which registers the socket anew for every read. On small
files that was a third of all time spent downloading.
"""

from __future__ import annotations

import asyncio
import ssl

import httpcore2


class SocketStream(httpcore2.AsyncNetworkStream):
    """One connection. Its `timeout` arguments have no effect: whole requests have a deadline."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, address: str, port: int) -> SocketStream:
        """Connect to an IP address.

        Raises:
            httpcore2.ConnectError: it cannot be connected to.
        """
        try:
            return cls(*await asyncio.open_connection(address, port))
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return some bytes, at most so many; none at the end.

        Raises:
            httpcore2.ReadError: the connection broke.
        """
        try:
            return await self._reader.read(max_bytes)
        except OSError as error:
            raise httpcore2.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes.

        Raises:
            httpcore2.WriteError: the connection broke.
        """
        try:
            self._writer.write(buffer)
            await self._writer.drain()
        except OSError as error:
            raise httpcore2.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Close at once, without asking a peer that may not answer."""
        self._writer.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Go on with TLS, once the server has proved that it is `server_hostname`.

        Raises:
            httpcore2.ConnectError: it has not.
        """
        try:
            await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except OSError as error:
            await self.aclose()
            raise httpcore2.ConnectError(str(error)) from error
        except BaseException:
            await self.aclose()
            raise
        return self

    def get_extra_info(self, info: str) -> object:
        """Return what httpcore asks for: the TLS object, and whether an idle connection ended."""
        if info == "is_readable":
            return self._reader.at_eof() or self._reader.exception() is not None
        return self._writer.get_extra_info(info)
