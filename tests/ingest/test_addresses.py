"""Nothing but checked addresses is ever connected to, whatever a URL looks like."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys

import pytest

from imgassets.ingest.addresses import AddressGuard, check_url, is_public
from imgassets.ingest.http import HttpTransport
from imgassets.ingest.refusal import Refused
from imgassets.settings import FetchSettings

PRIVATE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001:db8::1",
    "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::", "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]

DISGUISES = [
    "http://0177.0.0.1/", "http://0x7f.0.0.1/", "http://0x7f000001/", "http://2130706433/",
    "http://017700000001/", "http://127.1/", "http://127.0.1/", "http://0/", "http://127.0.0.1./",
    "http://0300.0250.1.1/", "http://127.0.0.01/", "http://1.1.1.1.1/", "http://256.0.0.1/",
    "http://user@127.0.0.1/", "http://93.184.216.34@127.0.0.1/", "http://user:secret@1.1.1.1/",
    "http://93.184.216.34\\@127.0.0.1/", "http://127.0.0.1\\.example.com/",
    "http://127.0.0.1%2eexample.com/", "http://%31%32%37.0.0.1/", "http://127.0.0.1%00.example.com/",
    "http://127。0。0。1/", "http://127．0．0．1/", "http://１２７.0.0.1/", "http://①②⑦.0.0.1/",
    "http://ｌocalhost/", "http://ⓛocalhost/", "http://[::1%25lo]/", "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]/", "http://[::127.0.0.1]/", "http://[::]/",
    "http://localhost/", "http://localhost./", "http://LOCALHOST/", "http://127.0.0.1:80/",
    "http://127.0.0.1:0/", "http://[fe80::1]/", "http:///x", "http://:80/", "http://",
    "https://169.254.169.254/latest/meta-data/", "https://[fd00:ec2::254]/",
    "ftp://1.1.1.1/", "gopher://127.0.0.1:6379/_INFO", "http://1.1.1.1 @127.0.0.1/",
    "http://1.1.1.1\t@127.0.0.1/", "http://127.0.0.1:99999/",
]  # fmt: skip


@pytest.fixture
def connections():
    """Record every address that any socket of this process connects to, at the socket itself."""
    seen: list[object] = []
    active = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if active and event == "socket.connect":
            seen.append(arguments[1])

    sys.addaudithook(hook)
    yield seen
    active = False  # an audit hook cannot be removed


def fetch(url: str, guard: AddressGuard | None = None, **settings: object) -> object:
    async def run() -> object:
        limits = FetchSettings(**{"attempts": 1, "timeout_seconds": 5} | settings)
        async with HttpTransport(limits, guard) as transport:
            return await transport.fetch(url)

    return asyncio.run(run())


def guard_of(*answers: list[str], allowed: tuple[str, ...] = ()) -> tuple[AddressGuard, list[str]]:
    """Return a guard whose resolver gives one of the answers after the other."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return AddressGuard(allowed, resolve), asked


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_not_permitted(address) -> None:
    assert not AddressGuard([]).permits(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_permitted(address) -> None:
    assert AddressGuard([]).permits(ipaddress.ip_address(address))


def test_an_allowed_network_opens_itself_alone() -> None:
    guard = AddressGuard(["127.0.0.0/8"])
    assert guard.permits(ipaddress.ip_address("127.0.0.1"))
    assert guard.permits(ipaddress.ip_address("::ffff:127.0.0.1"))
    assert not guard.permits(ipaddress.ip_address("10.0.0.1"))
    assert not is_public(ipaddress.ip_address("127.0.0.1"))
    with pytest.raises(ValueError, match="nonsense"):
        AddressGuard(["nonsense"])


@pytest.mark.parametrize("url", DISGUISES)
def test_no_spelling_of_a_forbidden_address_is_connected_to(url, connections) -> None:
    with pytest.raises(Refused) as refused:
        fetch(url)
    assert refused.value.refusal.rule_id in ("forbidden_url", "forbidden_address")
    assert connections == []


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_of_a_forbidden_address_is_not_connected_to(address, connections) -> None:
    guard, _ = guard_of([address])
    with pytest.raises(Refused) as refused:
        fetch("http://images.example.com/x.jpg", guard)
    assert refused.value.refusal.rule_id == "forbidden_address"
    assert refused.value.refusal.measured.endswith(f"→ {address}")
    assert connections == []


@pytest.mark.parametrize(
    "answer",
    [["93.184.216.34", "127.0.0.1"], ["2606:4700:4700::1111", "::1"], ["1.1.1.1", "fe80::1%lo"]],
)
def test_a_name_with_public_and_private_addresses_is_refused_whole(answer, connections) -> None:
    guard, _ = guard_of(answer)
    with pytest.raises(Refused, match="forbidden_address"):
        fetch("http://images.example.com/x.jpg", guard)
    assert connections == []


def test_a_name_is_resolved_once_and_the_checked_address_is_connected_to(
    server, connections
) -> None:
    """A name that is public when checked and private when connected to gains nothing."""
    port = int(server.url.rsplit(":", 1)[1])
    guard, asked = guard_of(["127.0.0.1"], ["10.0.0.1"], allowed=("127.0.0.0/8",))
    fetched = fetch(f"http://images.example.com:{port}/ok.jpg", guard)
    assert fetched is not None
    assert asked == ["images.example.com"]
    assert connections == [("127.0.0.1", port)]


def test_a_redirect_to_a_forbidden_address_is_not_followed(server, connections) -> None:
    """The target listens, so an accepted connection would show."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen()
        listener.setblocking(False)
        port = listener.getsockname()[1]
        server.redirect = f"http://127.0.0.2:{port}/secret"
        with pytest.raises(Refused) as refused:
            fetch(server.url + "/redirect", allowed_networks=["127.0.0.1/32"])
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert refused.value.refusal.rule_id == "forbidden_address"
    assert {address[0] for address in connections} == {"127.0.0.1"}


@pytest.mark.parametrize("target", DISGUISES)
def test_no_redirect_to_a_disguise_is_followed(server_elsewhere, connections, target) -> None:
    server_elsewhere.redirect = target.encode("utf-8").decode("latin-1")
    with pytest.raises(Refused):
        fetch(server_elsewhere.url + "/redirect", allowed_networks=["127.0.0.9/32"])
    assert {address[0] for address in connections} == {"127.0.0.9"}


@pytest.mark.parametrize(
    "url",
    ["http://example.com/a%20b.jpg?x=1", "https://bücher.example/x", "http://[2606:4700::1]:8080/"],
)
def test_ordinary_urls_are_not_refused(url) -> None:
    check_url(url)
