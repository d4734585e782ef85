"""Politeness: how often, and how many at a time, each host is asked."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiolimiter import AsyncLimiter

from imgassets.ingest.transports import Unreachable


class Hosts:
    """The limits of each host, and the hosts that asked to be left alone for a while.

    Args:
        concurrency: requests under way, all hosts together. Waiting for a host takes no place of
            these, so a slow host holds up no other.
        per_host: the same, to one host.
        rate: requests a second to one host; 0: no limit.
        patience: seconds of silence that one host may ask for before it is given up; they count
            from its last good answer.
    """

    def __init__(self, concurrency: int, per_host: int, rate: float, patience: float) -> None:
        self._places = asyncio.Semaphore(concurrency)
        self._host_places = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(per_host))
        self._limited = rate > 0
        self._limiters = defaultdict[str, AsyncLimiter](lambda: AsyncLimiter(1, 1 / rate))
        self._patience = patience
        self._quiet: dict[str, tuple[float, float]] = {}

    def leave_alone(self, host: str, seconds: float) -> None:
        """Send a host no request for some time, as its ``Retry-After`` asks."""
        now = asyncio.get_running_loop().time()
        since, until = self._quiet.get(host, (now, now))
        self._quiet[host] = (since, max(until, now + seconds))

    def answered(self, host: str) -> None:
        """Note that a host works again, unless it answers what was asked before its silence."""
        if self._wait(host) <= 0:
            self._quiet.pop(host, None)

    def given_up(self, host: str) -> bool:
        """Tell whether a host asks for more silence than there is patience for."""
        since, until = self._quiet.get(host, (0.0, 0.0))
        return until - since > self._patience and self._wait(host) > 0

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait until a request may be sent to the host, and hold a place while it is under way.

        Raises:
            Unreachable: rule ``host_busy``: the host is given up.
        """
        while True:
            await self._silence(host)
            if self._limited:
                await self._limiters[host].acquire()
            async with self._host_places[host], self._places:
                # Another request may have been told to stay away meanwhile.
                if self._wait(host) <= 0:
                    yield
                    return

    async def _silence(self, host: str) -> None:
        while (wait := self._wait(host)) > 0:
            if self.given_up(host):
                raise Unreachable(
                    "host_busy",
                    f"{host} asks for {wait:.0f} s of silence",
                    f"≤ {self._patience:g} s",
                    "The server is overloaded or limits requests; another run may reach it.",
                )
            await asyncio.sleep(wait)

    def _wait(self, host: str) -> float:
        """Return the seconds that the host is still to be left alone for, if positive."""
        _, until = self._quiet.get(host, (0.0, 0.0))
        return until - asyncio.get_running_loop().time()
