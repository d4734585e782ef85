"""Progress of long steps, in the run's log."""

from __future__ import annotations

import time
from collections.abc import Callable

import dagster as dg

_EVERY_SECONDS = 10.0


def log_progress(context: dg.AssetExecutionContext, verb: str) -> Callable[[int, int], None]:
    """Return a callback (done, total) that logs the count, rate and time left now and then."""
    started = time.monotonic()
    last = started

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == 0 or (now - last < _EVERY_SECONDS and done < total):
            return
        last = now
        rate = done / max(now - started, 1e-6)
        left = (total - done) / rate
        context.log.info(f"{verb} {done} of {total} images, {rate:.1f}/s, {left:.0f} s left")

    return report
