"""The downloader against servers that misbehave, for real, over sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import tracemalloc

import httpx2
import pytest
import trustme

from imgassets.ingest.addresses import AddressGuard
from imgassets.ingest.hosts import Hosts
from imgassets.ingest.http import HttpTransport
from imgassets.ingest.refusal import Refused
from imgassets.ingest.transports import Fetched, Unreachable, Validators
from imgassets.settings import FetchSettings


def fetch(url, known=None, ssl_context=None, guard=None, **settings):
    limits = FetchSettings(
        **{"allowed_networks": ["127.0.0.0/8"], "timeout_seconds": 10, "max_bytes": 1_000_000}
        | settings
    )

    async def run():
        async with HttpTransport(limits, guard, ssl_context) as transport:
            return await transport.fetch(url, known)

    return asyncio.run(run())


def refusal(url, **options):
    with pytest.raises(Refused) as refused:
        fetch(url, **options)
    return refused.value.refusal


@pytest.mark.parametrize("path", ["/reset-once", "/fails-twice", "/gzip"])
def test_what_another_try_or_unpacking_cures(server, picture, path):
    assert fetch(server.url + path).data == picture()


def test_a_gzip_bomb_is_cut_off_at_the_limit(server):
    tracemalloc.start()
    found = refusal(server.url + "/gzip-bomb")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.rule_id, found.measured) == ("too_large", "≥ 1000001 bytes")
    assert peak < 10_000_000  # of the 50 million that the body unpacks to


def test_an_endless_body_is_cut_off_at_the_limit(server):
    started = time.monotonic()
    assert refusal(server.url + "/endless").rule_id == "too_large"
    assert time.monotonic() - started < 10


def test_endless_headers_are_cut_off(server):
    found = refusal(server.url + "/endless-header", attempts=1)
    assert (found.rule_id, found.measured) == ("connection_failed", "RemoteProtocolError")


def test_an_encoding_that_was_not_asked_for_is_named(server):
    found = refusal(server.url + "/brotli")
    assert (found.rule_id, found.measured) == ("unexpected_encoding", "br")


def test_a_version_that_is_known_costs_no_bytes(server):
    first = fetch(server.url + "/versioned")
    assert first.validators == Validators('"1"', "")
    assert fetch(server.url + "/versioned", first.validators) is None
    server.version = '"2"'
    again = fetch(server.url + "/versioned", first.validators)
    assert isinstance(again, Fetched)
    assert again.validators.etag == '"2"'


@pytest.mark.parametrize(
    ("middle", "connections"),
    [("/hop", 1), ("/versioned", 1), ("/absent", 1), ("/big-unannounced", 2), ("/short", 2)],
)
def test_a_connection_is_used_again_if_its_answer_was_read_to_the_end(server, middle, connections):
    async def run():
        limits = FetchSettings(allowed_networks=["127.0.0.0/8"], max_bytes=100_000, attempts=1)
        async with HttpTransport(limits) as transport:
            await transport.fetch(server.url + "/ok")
            with contextlib.suppress(Refused):
                await transport.fetch(server.url + middle, Validators(server.version))
            await transport.fetch(server.url + "/ok")

    asyncio.run(run())
    assert server.connections == connections


def test_a_connection_that_the_server_closed_meanwhile_is_not_used(server, picture):
    async def run():
        limits = FetchSettings(allowed_networks=["127.0.0.0/8"], attempts=1)
        async with HttpTransport(limits) as transport:
            for _ in range(3):
                assert (await transport.fetch(server.url + "/ok-and-close")).data == picture()
                await asyncio.sleep(0.1)

    asyncio.run(run())
    assert server.connections == 3


def test_a_busy_host_is_left_alone_and_holds_up_no_other(server, server_elsewhere):
    """With one place for all, a host that asks for two seconds of silence takes none of them."""
    order: list[str] = []

    async def run():
        limits = FetchSettings(allowed_networks=["127.0.0.0/8"], concurrency=1)
        async with HttpTransport(limits) as transport:

            async def one(url):
                await transport.fetch(url)
                order.append(url)

            busy = asyncio.create_task(one(server.url + "/busy-2s"))
            while not server.hits["/busy-2s"]:
                await asyncio.sleep(0.01)
            await asyncio.gather(one(server.url + "/ok"), one(server_elsewhere.url + "/ok"), busy)

    started = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - started >= 2
    assert order[0] == server_elsewhere.url + "/ok"
    assert server.hits["/busy-2s"] == 2


def test_a_redirect_is_held_against_the_host_that_it_leads_to(server, server_elsewhere):
    """The host behind the redirect asks for silence, and gets it from those who ask it directly."""
    server.redirect = server_elsewhere.url + "/busy-2s"

    async def run():
        clock = asyncio.get_running_loop()
        async with HttpTransport(FetchSettings(allowed_networks=["127.0.0.0/8"])) as transport:
            redirected = asyncio.create_task(transport.fetch(server.url + "/redirect"))
            while not server_elsewhere.hits["/busy-2s"]:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            started = clock.time()
            await transport.fetch(server.url + "/ok")
            undisturbed = clock.time() - started
            await transport.fetch(server_elsewhere.url + "/ok")
            waited = clock.time() - started
            await redirected
            return undisturbed, waited

    undisturbed, waited = asyncio.run(run())
    assert undisturbed < 1 < waited


def in_turn(hosts, names, seconds=0.0):
    """Let one task per name wait for its turn; return when each had it and how many at once."""
    times, at_once, most = [], 0, 0

    async def one(name):
        nonlocal at_once, most
        async with hosts.turn(name):
            at_once += 1
            most = max(most, at_once)
            times.append(asyncio.get_running_loop().time())
            await asyncio.sleep(seconds)
            at_once -= 1

    async def run():
        await asyncio.gather(*(one(name) for name in names))

    asyncio.run(run())
    return times, most


def test_a_host_is_asked_no_faster_than_its_rate():
    times, _ = in_turn(Hosts(concurrency=8, per_host=8, rate=20, patience=1), "aaaaa")
    assert times[-1] - times[0] >= 4 / 20 * 0.9


@pytest.mark.parametrize(("names", "most"), [("aaaaaa", 2), ("aabbcc", 3), ("abcdef", 3)])
def test_no_more_requests_at_once_than_allowed(names, most):
    hosts = Hosts(concurrency=3, per_host=2, rate=0, patience=1)
    assert in_turn(hosts, names, seconds=0.01)[1] == most


def test_waiting_too_long_for_a_host_is_a_refusal_of_all_its_files(server):
    async def run():
        limits = FetchSettings(allowed_networks=["127.0.0.0/8"], max_retry_after_seconds=60)
        async with HttpTransport(limits) as transport:
            for path, rule in (("/busy-long", "http_status"), ("/ok", "host_busy")):
                with pytest.raises(Unreachable, match=rule):
                    await transport.fetch(server.url + path)

    asyncio.run(run())
    assert server.hits == {"/busy-long": 1}


def test_a_host_that_asks_for_silence_again_and_again_is_given_up():
    async def run():
        hosts = Hosts(concurrency=1, per_host=1, rate=0, patience=0.3)
        for _ in range(2):
            async with hosts.turn("a"):
                hosts.leave_alone("a", 0.2)
        with pytest.raises(Unreachable, match="host_busy"):
            async with hosts.turn("a"):
                pass
        await asyncio.sleep(0.2)
        async with hosts.turn("a"):  # its time of silence is over
            hosts.answered("a")
            hosts.leave_alone("a", 0.2)
        assert not hosts.given_up("a")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("code", "tries"), [(socket.EAI_NONAME, 1), (socket.EAI_AGAIN, 3)], ids=["no_name", "again"]
)
def test_a_name_that_does_not_exist_is_not_looked_up_again(code, tries):
    asked = []

    async def resolve(host, port):
        asked.append(host)
        raise socket.gaierror(code, "says the resolver")

    found = refusal("http://images.example.com/x.jpg", guard=AddressGuard([], resolve))
    assert (found.rule_id, found.measured) == ("connection_failed", "gaierror")
    assert len(asked) == tries


def test_a_connection_that_is_refused_is_not_tried_again():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(Unreachable, match="connection_failed"):
        fetch(url)


@pytest.fixture
def https(tmp_path, picture):
    """A real HTTP/2 server with a certificate of an authority of its own."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(tmp_path / "cert.pem", append=number > 0)
    (tmp_path / "picture").write_bytes(picture())
    (tmp_path / "served.py").write_text(
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http': return\n"
        "    version = scope['http_version'].encode()\n"
        "    headers = [(b'etag', version)]\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': headers})\n"
        "    body = open('picture', 'rb').read()\n"
        "    if scope['path'] == '/large': body = bytes(40_000_000)\n"
        "    await send({'type': 'http.response.body', 'body': body})\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "hypercorn", "--certfile", "cert.pem", "--keyfile", "key.pem",
        "--bind", f"127.0.0.1:{port}", "served:app",
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        yield f"https://127.0.0.1:{port}/x.jpg", trusting
        os.killpg(process.pid, signal.SIGKILL)  # with the process that serves


def test_http_2_is_spoken_where_it_is_offered(https, picture):
    url, trusting = https
    fetched = fetch(url, ssl_context=trusting)
    assert fetched.data == picture()
    assert fetched.validators.etag == "2"


def test_over_http_2_files_that_are_too_large_hold_up_no_other(https, picture):
    """What was not read of the large ones must not fill the others' window (2^24 bytes)."""
    url, trusting = https
    limits = FetchSettings(allowed_networks=["127.0.0.0/8"], max_bytes=1_000_000, timeout_seconds=5)

    async def run():
        async with HttpTransport(limits, ssl_context=trusting) as transport:
            for _ in range(3):
                with pytest.raises(Refused, match="too_large"):
                    await transport.fetch(url.replace("x.jpg", "large"))
                assert (await transport.fetch(url)).data == picture()

    asyncio.run(run())


def test_a_certificate_that_nobody_vouches_for_is_not_tried_twice(https):
    url, _ = https
    found = refusal(url)
    assert (found.rule_id, found.measured) == ("connection_failed", "ConnectError")
    assert "CERTIFICATE_VERIFY_FAILED" in found.detail


@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.1", True), ("elsewhere.example", False)])
def test_a_certificate_has_to_be_of_the_host_that_was_asked(serve, picture, name, trusted):
    authority = trustme.CA()
    serving, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(name).configure_cert(serving)
    authority.configure_trust(trusting)
    server = serve(tls=serving)
    if trusted:
        assert fetch(server.url + "/ok", ssl_context=trusting).data == picture()
    else:
        found = refusal(server.url + "/ok", ssl_context=trusting)
        assert "CERTIFICATE_VERIFY_FAILED" in found.detail
        assert not server.hits


def test_environment_proxies_are_not_used(server, picture, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(server.url + "/ok")
    assert fetch(server.url + "/ok").data == picture()


def test_a_network_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="does not appear to be"):
        HttpTransport(FetchSettings(allowed_networks=["my network"]))
