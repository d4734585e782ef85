"""Progress of long steps: in the run's log, and to whoever listens in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import dagster as dg

Listener = Callable[[str, int, int], None]

_EVERY_SECONDS = 10.0
_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send (verb, done, total) of every step run inside the block to ``listener`` too."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def log_progress(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, verb: str, things: str = "images"
) -> Callable[[int, int], None]:
    """Return a callback (done, total) that logs the count, rate and time left now and then."""
    started = time.monotonic()
    last = started
    listener = _listener.get()

    def report(done: int, total: int) -> None:
        nonlocal last
        if listener is not None:
            listener(verb, done, total)
        now = time.monotonic()
        if done == 0 or (now - last < _EVERY_SECONDS and done < total):
            return
        last = now
        rate = done / max(now - started, 1e-6)
        left = (total - done) / rate
        context.log.info(f"{verb} {done} of {total} {things}, {rate:.1f}/s, {left:.0f} s left")

    return report
