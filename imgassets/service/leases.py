"""Who has which question on the screen, so that two reviewers do not answer the same one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence

LEASE_SECONDS = 120.0
"""How long a question that was handed out is kept from others."""


class Leases:
    """Short leases on tasks, in memory: a restart forgets them, and then two may get the same task.

    Both answers count then, so nothing breaks: it is work saved, not a lock.

    Args:
        seconds: how long a lease lasts.
        clock: monotonic time in seconds.
    """

    def __init__(
        self, seconds: float = LEASE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def take(
        self, reviewer: str, wanted: Sequence[str], count: int, renew: Collection[str] = ()
    ) -> list[str]:
        """Lease the first ``count`` tasks to a reviewer; those that others hold come last.

        Args:
            reviewer: who asks.
            wanted: task ids, the most urgent first.
            count: how many to take at most.
            renew: tasks that the reviewer has already: their leases start again.

        Returns:
            The tasks taken, most urgent first, then the most urgent of those that others hold.
        """
        with self._lock:
            now = self._clock()
            self._held = {t: lease for t, lease in self._held.items() if lease[1] > now}
            others = {task for task, (holder, _) in self._held.items() if holder != reviewer}
            chosen = [*(t for t in wanted if t not in others), *(t for t in wanted if t in others)]
            chosen = chosen[:count]
            for task in (*chosen, *renew):
                if task not in others:
                    self._held[task] = (reviewer, now + self._seconds)
            return chosen

    def release(self, task_id: str) -> None:
        """Forget a task's lease: it was answered."""
        with self._lock:
            self._held.pop(task_id, None)
