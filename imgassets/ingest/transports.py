"""Getting one file's bytes: one small class per kind of place."""

from __future__ import annotations

import asyncio
import random
import stat
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from imgassets.ingest.locations import local_file
from imgassets.ingest.refusal import Refused
from imgassets.settings import FetchSettings

RETRIED_STATUS = frozenset((408, 425, 429, 500, 502, 503, 504))
FIRST_DELAY_SECONDS = 0.25
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_HEADERS = {
    "User-Agent": "imgassets",
    "Accept": "image/*, */*;q=0.5",
    "Accept-Encoding": "identity",
}


class Transport(Protocol):
    """Gets the bytes at a location, within the settings' limits."""

    async def fetch(self, location: str) -> bytes:
        """Return the bytes.

        Raises:
            Refused: they cannot be had; the refusal says why.
        """
        ...


def too_large(size: int, limit: int) -> Refused:
    """Return the refusal of a file of at least `size` bytes."""
    return Refused(
        "too_large", f"≥ {size} bytes", f"≤ {limit} bytes", "The file is larger than is accepted."
    )


class FileTransport:
    """Reads local files that lie under one of the allowed roots."""

    def __init__(self, roots: Iterable[str], max_bytes: int) -> None:
        paths = (local_file(root) for root in roots if root.strip())
        self._roots = [path.expanduser().resolve() for path in paths if path is not None]
        self._max_bytes = max_bytes

    async def fetch(self, location: str) -> bytes:
        """Return a file's bytes; see :class:`Transport`."""
        return await asyncio.to_thread(self._read, location)

    def _read(self, location: str) -> bytes:
        path = local_file(location)
        try:
            resolved = path.resolve() if path is not None else None
        except (OSError, ValueError, RuntimeError) as error:
            raise self._missing(location, error) from error
        # Checked before anything is said about the file, so that feeds cannot probe the disk.
        if resolved is None or not any(resolved.is_relative_to(root) for root in self._roots):
            raise Refused(
                "forbidden_path",
                location,
                "a path under " + (", ".join(map(str, self._roots)) or "no folder at all"),
                "The file lies outside the folders that references may point into.",
            )
        return self._read_allowed(resolved, location)

    def _read_allowed(self, path: Path, location: str) -> bytes:
        try:
            status = path.stat()
            # Opening a pipe or a device could block for ever.
            if not stat.S_ISREG(status.st_mode):
                raise OSError("not a regular file")
            if status.st_size > self._max_bytes:
                raise too_large(status.st_size, self._max_bytes)
            with path.open("rb") as file:
                data = file.read(self._max_bytes + 1)
        except OSError as error:
            raise self._missing(location, error) from error
        if len(data) > self._max_bytes:
            raise too_large(len(data), self._max_bytes)
        return data

    @staticmethod
    def _missing(location: str, error: Exception) -> Refused:
        reason = getattr(error, "strerror", None) or str(error)
        return Refused("missing_file", location, "a readable file", f"Cannot read it: {reason}.")


class HttpTransport:
    """Downloads over HTTP, with retries, under a total deadline per file."""

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        # Proxies and credentials of the process's environment are not for suppliers' servers, and
        # no cookie of one file may change what another one gets.
        self._client = httpx.AsyncClient(
            headers=_HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            limits=httpx.Limits(max_connections=settings.concurrency),
            timeout=settings.timeout_seconds,
            trust_env=False,
        )

    async def __aenter__(self) -> HttpTransport:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def fetch(self, location: str) -> bytes:
        """Return what a URL answers; see :class:`Transport`."""
        seconds = self._settings.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._with_retries(location)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Refused(
                "timeout",
                f"> {seconds:g} s",
                f"≤ {seconds:g} s in all",
                "The server did not deliver the whole file within the deadline.",
            ) from error

    async def _with_retries(self, location: str) -> bytes:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.timeout_seconds
        attempt = 1
        while True:
            try:
                return await self._get(location)
            except _Transient as error:
                wait = error.retry_after
                if wait is None:
                    wait = FIRST_DELAY_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
                # A wait past the deadline would only hide the reason behind a time-out.
                if attempt >= self._settings.attempts or loop.time() + wait >= deadline:
                    raise error.refused from error
            attempt += 1
            await asyncio.sleep(wait)

    async def _get(self, location: str) -> bytes:
        url = location
        for _ in range(self._settings.max_redirects + 1):
            try:
                self._check(url)
                async with self._client.stream("GET", url) as response:
                    if response.status_code not in _REDIRECTS or "location" not in response.headers:
                        return await self._body(response)
                    url = str(response.url.join(response.headers["location"]))
            except httpx.TimeoutException:
                raise
            except httpx.TransportError as error:
                raise _Transient(self._failed(location, error), None) from error
            except (httpx.InvalidURL, httpx.DecodingError, ValueError) as error:
                raise self._failed(location, error) from error
        limit = self._settings.max_redirects
        raise Refused(
            "too_many_redirects",
            f"> {limit} redirects",
            f"≤ {limit} redirects",
            f"The last one led to {url}.",
        )

    @staticmethod
    def _check(url: str) -> None:
        """Check an address before every request, redirects included."""
        if urlsplit(url).scheme.lower() not in ("http", "https"):
            raise Refused(
                "forbidden_path", url, "http or https", "The server redirects to another scheme."
            )

    async def _body(self, response: httpx.Response) -> bytes:
        if response.status_code != 200:
            refused = Refused(
                "http_status",
                f"HTTP {response.status_code}",
                "HTTP 200",
                f"{response.url} answers '{response.reason_phrase}'.",
            )
            if response.status_code in RETRIED_STATUS:
                raise _Transient(refused, _retry_after(response))
            raise refused
        cap = self._settings.max_bytes
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > cap:
            raise too_large(int(announced), cap)
        data = bytearray()
        async for chunk in response.aiter_bytes():
            data += chunk
            if len(data) > cap:
                raise too_large(cap + 1, cap)
        return bytes(data)

    @staticmethod
    def _failed(location: str, error: Exception) -> Refused:
        reason = str(error) or "the connection broke"
        return Refused(
            "connection_failed", type(error).__name__, "an answer", f"{location}: {reason}."
        )


class _Transient(Exception):
    """A failure that another try may cure."""

    def __init__(self, refused: Refused, retry_after: float | None) -> None:
        super().__init__(str(refused))
        self.refused = refused
        self.retry_after = retry_after


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds a server asks to wait, given as a number or measured by its own clock."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        now = parsedate_to_datetime(response.headers.get("date", ""))
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError):
        return None
