"""Which hosts and addresses may be connected to: suppliers' URLs are hostile input.

Every connection is made by :class:`GuardedBackend`, to an address that was checked a moment before:
a name is resolved once, all its addresses are checked, and the connection goes to one of them. So
neither a redirect nor a name that answers differently the second time (DNS rebinding) leads
elsewhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import unicodedata
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

import httpcore2

from imgassets.ingest.refusal import Refused
from imgassets.ingest.streams import SocketStream

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Returns all addresses of a host name, as text; raises ``socket.gaierror``."""

_SPECIAL: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "168.63.129.16/32",  # a cloud's metadata and DNS service, on a public address
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "::/96",  # IPv4-compatible (RFC 4291)
        "64:ff9b:1::/48",  # local NAT64 (RFC 8215)
        "5f00::/16",  # segment routing (RFC 9602)
        "3fff::/20",  # documentation (RFC 9637)
        "fec0::/10",  # site-local (RFC 3879)
    )
)
"""Not for suppliers' files, though ``ipaddress`` counts some of them as global."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)\Z")
_FORBIDDEN_IN_AUTHORITY = re.compile(r"[\x00-\x20\x7f\\@%<>^`{|}\"']")


# Threads of their own: name servers that do not answer must not hold up what stores files.
_RESOLVERS = ThreadPoolExecutor(16, "resolver")


async def system_resolver(host: str, port: int) -> list[str]:
    """Resolve a name as the operating system does."""
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_RESOLVERS, look_up)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_url(url: str) -> None:
    """Refuse a URL whose host could be read as another one than it seems.

    Raises:
        Refused: rule ``forbidden_url``: another scheme than http and https, credentials, a
            character that parsers disagree about, an unusual spelling of a number or letter.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _forbidden_url(url, "a well-formed URL", str(error)) from error
    if parts.scheme.lower() not in ("http", "https"):
        raise _forbidden_url(url, "http or https", "Only these schemes are fetched.")
    authority = re.split(r"[/?#]", url.split("//", 1)[-1], maxsplit=1)[0]
    if _FORBIDDEN_IN_AUTHORITY.search(authority):
        raise _forbidden_url(
            url,
            "a plain host[:port]",
            "Credentials, escapes, backslashes and spaces disguise the host.",
        )
    if not host or port == 0:
        raise _forbidden_url(url, "a host and a port", "The URL names no usable host or port.")
    plain = host[:-1] if host.endswith(".") else host
    if unicodedata.normalize("NFKC", plain) != plain or any(c in plain for c in "。．｡"):
        raise _forbidden_url(
            url, "a host in its plain spelling", "Its letters or dots are look-alikes of others."
        )
    if not authority.startswith("[") and _NUMBER.search(plain.rsplit(".", 1)[-1]):
        _check_dotted_quad(url, plain)


def _check_dotted_quad(url: str, host: str) -> None:
    """Refuse octal, decimal, hexadecimal and short spellings of an IPv4 address."""
    try:
        ipaddress.IPv4Address(host)
    except ValueError as error:
        raise _forbidden_url(
            url, "four decimal numbers", "The host is an address in an unusual spelling."
        ) from error


def _forbidden_url(url: str, limit: str, detail: str) -> Refused:
    return Refused("forbidden_url", url, limit, detail)


def embedded_addresses(address: Address) -> list[Address]:
    """Return the addresses that packets to this one may end up at: those it embeds, or itself.

    IPv4-mapped and NAT64 addresses are another spelling of an IPv4 address, 6to4 and Teredo ones
    lead through it.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.sixtofour is not None:
        return [address, address.sixtofour]
    if address.teredo is not None:
        return [address, *address.teredo]
    return [address]


def is_public(address: Address) -> bool:
    """Tell whether an address, itself, is one of the public internet's (IANA's registries)."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(
            address in network for network in _SPECIAL if network.version == address.version
        )
    )


class AddressGuard:
    """Resolves names and lets only those through whose every address may be connected to.

    Args:
        allowed_networks: networks (CIDR) that may be fetched from although they are not public.
        resolve: how names are resolved.

    Raises:
        ValueError: a network is not one.
    """

    def __init__(
        self, allowed_networks: Iterable[str], resolve: Resolver = system_resolver
    ) -> None:
        self._allowed: list[Network] = [ipaddress.ip_network(n) for n in allowed_networks]
        self._resolve = resolve

    def permits(self, address: Address) -> bool:
        """Tell whether an address, and every one that it embeds, may be connected to."""
        return all(
            is_public(inner) or any(inner in net for net in self._allowed)
            for inner in embedded_addresses(address)
        )

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the host's addresses, each of them checked.

        Raises:
            Refused: rule ``forbidden_address``: one of them is not permitted; a name with public
                and private addresses is as suspicious as a private one.
            socket.gaierror: the name cannot be resolved.
        """
        name = host.removesuffix(".")
        try:
            found = [str(ipaddress.ip_address(name.strip("[]")))]
        except ValueError:
            found = await self._resolve(name, port)
        for text in found:
            if not self.permits(ipaddress.ip_address(text.split("%")[0])) or "%" in text:
                raise Refused(
                    "forbidden_address",
                    f"{host} → {text}",
                    "a public address, or one of fetch.allowed_networks",
                    "The URL leads to an address that is not of the public internet.",
                )
        return found


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """The one place where connections are opened, to checked addresses alone."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of the host that answers; see :class:`AddressGuard`.

        Raises:
            httpcore2.ConnectError: none answers.
        """
        problem: Exception | None = None
        for address in await self._guard.addresses(host, port):
            try:
                return await SocketStream.connect(address, port)
            except httpcore2.ConnectError as error:
                problem = error
        raise problem or httpcore2.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: no URL leads to a local socket.

        Raises:
            httpcore2.ConnectError: always.
        """
        raise httpcore2.ConnectError("local sockets are not fetched from")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
