"""Downloading over HTTP/1.1 and HTTP/2, from servers that nobody vouches for."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import socket
import ssl
import zlib
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import httpcore2
import httpx2

from imgassets.ingest.addresses import AddressGuard, GuardedBackend, check_url
from imgassets.ingest.connections import Answer, Connections
from imgassets.ingest.hosts import Hosts
from imgassets.ingest.refusal import Refused
from imgassets.ingest.transports import Fetched, Unreachable, Validators, too_large
from imgassets.settings import FetchSettings

FIRST_DELAY_SECONDS = 0.25
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MAX_IGNORED_BYTES = 65_536
"""Of a body that is no file; reading it keeps the connection for the next request."""

_HEADERS = [
    (b"User-Agent", b"imgassets"),
    (b"Accept", b"image/*, */*;q=0.5"),
    (b"Accept-Encoding", b"identity"),
]
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


@functools.cache
def _public_authorities() -> ssl.SSLContext:
    """Return the context that trusts the usual public authorities; reading them takes 50 ms."""
    return httpcore2.default_ssl_context()


class HttpTransport:
    """Downloads files, with retries, under a deadline per file and the limits of each host.

    Proxies, credentials and cookies are never used: what one file's server gets must not depend on
    this process's environment or on another file.

    Args:
        settings: limits; see :class:`imgassets.settings.FetchSettings`.
        guard: what may be connected to; by default the settings' networks and public addresses.
        ssl_context: trusted certificate authorities; by default the usual public ones.
    """

    def __init__(
        self,
        settings: FetchSettings,
        guard: AddressGuard | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._hosts = Hosts(
            settings.concurrency,
            settings.per_host_concurrency,
            settings.per_host_rate,
            settings.max_retry_after_seconds,
        )
        self._connections = Connections(
            GuardedBackend(guard or AddressGuard(settings.allowed_networks)),
            ssl_context or _public_authorities(),
            keep=settings.concurrency,
        )

    async def __aenter__(self) -> HttpTransport:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.aclose()

    async def fetch(self, location: str, known: Validators | None = None) -> Fetched | None:
        """Return what a URL answers; see :class:`imgassets.ingest.transports.Transport`.

        The deadline covers requests and the waits between tries, but not the time for which a host
        asked to be left alone or its other requests went first.
        """
        budget = _Budget(self._settings.timeout_seconds)
        attempt = 1
        while True:
            try:
                return await self._follow(location, known, budget)
            except _Transient as error:
                failure = error
            if attempt >= self._settings.attempts or failure.given_up:
                raise failure.refused
            if failure.retry_after is None:
                wait = FIRST_DELAY_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
                budget.left -= wait
                # A wait past the deadline would only hide the reason behind a time-out.
                if budget.left <= 0:
                    raise failure.refused
                await asyncio.sleep(wait)
            attempt += 1

    async def _follow(
        self, location: str, known: Validators | None, budget: _Budget
    ) -> Fetched | None:
        """Request a URL and what it redirects to; each hop is checked like the first."""
        url = location
        for _ in range(self._settings.max_redirects + 1):
            answer = await self._hop(url, known, budget)
            if not isinstance(answer, str):
                return answer
            url = answer
        limit = self._settings.max_redirects
        raise Refused(
            "too_many_redirects",
            f"> {limit} redirects",
            f"≤ {limit} redirects",
            f"The last one led to {url}.",
        )

    async def _hop(
        self, url: str, known: Validators | None, budget: _Budget
    ) -> Fetched | str | None:
        """Request a URL in its host's turn, and draw the time it takes from the budget."""
        check_url(url)
        host = urlsplit(url).netloc.lower()
        clock = asyncio.get_running_loop()
        async with self._hosts.turn(host):
            started = clock.time()
            try:
                async with asyncio.timeout(budget.left):
                    answer = await self._request(url, known)
            except (TimeoutError, httpcore2.TimeoutException) as error:
                raise self._timeout() from error
            except _Transient as error:
                if error.retry_after is not None:
                    self._hosts.leave_alone(host, error.retry_after)
                    error.given_up = self._hosts.given_up(host)
                raise
            finally:
                budget.left -= clock.time() - started
        self._hosts.answered(host)
        return answer

    async def _request(self, url: str, known: Validators | None) -> Fetched | str | None:
        """Return the file, the URL that the answer redirects to, or None if it is not modified."""
        try:
            parsed = httpx2.URL(url)
            target = httpcore2.URL(
                scheme=parsed.raw_scheme,
                host=parsed.raw_host,
                port=parsed.port,
                target=parsed.raw_path,
            )
            headers = [*_HEADERS, *_conditions(known)]
            async with self._connections.get(target, headers) as answer:
                if answer.status != 200:
                    return await self._without_file(url, answer, known)
                data = await self._body(answer)
        except httpcore2.TimeoutException:
            raise
        except socket.gaierror as error:
            raise _failed(url, error, error.errno == socket.EAI_AGAIN) from error
        except (
            httpcore2.NetworkError,
            httpcore2.RemoteProtocolError,
            httpcore2.ConnectionNotAvailable,
        ) as error:
            raise _failed(url, error, _is_reset(error)) from error
        except (httpx2.InvalidURL, httpcore2.ProtocolError, zlib.error, ValueError) as error:
            raise _failed(url, error, False) from error
        etag, last_modified = (answer.headers.get(n, "") for n in (b"etag", b"last-modified"))
        return Fetched(data, Validators(etag, last_modified))

    async def _without_file(self, url: str, answer: Answer, known: Validators | None) -> str | None:
        """Return the URL that an answer redirects to, or None if the file is not modified."""
        length = 0
        # The status counts, however its body ends.
        with contextlib.suppress(httpcore2.NetworkError, httpcore2.ProtocolError):
            async for chunk in answer.chunks():
                length += len(chunk)
                if length > _MAX_IGNORED_BYTES:
                    break
        status, headers = answer.status, answer.headers
        if status in _REDIRECTS and b"location" in headers:
            return urljoin(url, headers[b"location"])
        if status == 304 and known is not None:
            return None
        why = ("http_status", f"HTTP {status}", "HTTP 200", f"{url} answers {_phrase(status)}.")
        if status in (408, 425, 429) or status >= 500:
            raise _Transient(Unreachable(*why), _retry_after(headers))
        raise Refused(*why)

    async def _body(self, answer: Answer) -> bytes:
        """Read a body of at most the accepted size, on the wire and unpacked."""
        cap = self._settings.max_bytes
        announced = answer.headers.get(b"content-length", "")
        if announced.isdecimal() and int(announced) > cap:
            raise too_large(int(announced), cap)
        unpack = _unpacker(answer.headers.get(b"content-encoding", ""))
        data = bytearray()
        received = 0
        async for chunk in answer.chunks():
            received += len(chunk)
            data += chunk if unpack is None else unpack.decompress(chunk, cap + 1 - len(data))
            if max(len(data), received) > cap:
                raise too_large(cap + 1, cap)
        return bytes(data)

    def _timeout(self) -> Refused:
        seconds = self._settings.timeout_seconds
        return Unreachable(
            "timeout",
            f"> {seconds:g} s",
            f"≤ {seconds:g} s in all",
            "The server did not deliver the whole file within the deadline.",
        )


@dataclass(slots=True)
class _Budget:
    """The seconds that one file has left."""

    left: float


class _Transient(Exception):
    """A failure that another try may cure.

    Attributes:
        refused: what to raise where there is no other try.
        retry_after: seconds for which the host asks to be left alone, if it does.
        given_up: the host asked for too many.
    """

    def __init__(self, refused: Refused, retry_after: float | None = None) -> None:
        super().__init__(str(refused))
        self.refused = refused
        self.retry_after = retry_after
        self.given_up = False


def _failed(url: str, error: Exception, transient: bool) -> Exception:
    """Return what to raise for a connection or an answer that broke."""
    kind = Unreachable if isinstance(error, (OSError, httpcore2.NetworkError)) else Refused
    refused = kind(
        "connection_failed",
        type(error).__name__,
        "an answer",
        f"{url}: {str(error) or 'the connection broke'}.",
    )
    return _Transient(refused) if transient else refused


def _is_reset(error: BaseException) -> bool:
    """Tell whether the other side broke a connection, rather than refused or failed to make one."""
    if not isinstance(error, httpcore2.ConnectError):
        return True
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionResetError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _conditions(known: Validators | None) -> list[tuple[bytes, bytes]]:
    """Return the headers that ask for the file only if it is another version."""
    if known is None:
        return []
    pairs = ((b"If-None-Match", known.etag), (b"If-Modified-Since", known.last_modified))
    return [(name, value.encode("latin-1")) for name, value in pairs if value]


def _unpacker(encoding: str) -> zlib._Decompress | None:
    """Return what unpacks a body that came compressed although none was asked for.

    Raises:
        Refused: it is of a kind that is not unpacked.
    """
    kinds = [kind for part in encoding.lower().split(",") if (kind := part.strip()) != "identity"]
    match [kind for kind in kinds if kind]:
        case []:
            return None
        case ["gzip" | "x-gzip" | "deflate"]:
            return zlib.decompressobj(_GZIP_OR_ZLIB)
        case _:
            raise Refused(
                "unexpected_encoding",
                encoding,
                "identity, gzip or deflate",
                "The server compressed the file in a way that was not asked for.",
            )


def _phrase(status: int) -> str:
    phrase = httpx2.codes.get_reason_phrase(status)
    return f"{status} {phrase}".strip()


def _retry_after(headers: dict[bytes, str]) -> float | None:
    """Return the seconds a server asks to wait, given as a number or measured by its own clock."""
    value = headers.get(b"retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        now = parsedate_to_datetime(headers.get(b"date", ""))
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError):
        return None
