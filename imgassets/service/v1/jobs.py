"""Work that may outlast the request that asked for it: a bounded queue in memory.

A restart forgets jobs: their clients ask again, and images that arrived are not fetched twice.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


class QueueFull(Exception):
    """More work waits already than may."""


@dataclass(frozen=True)
class Job(Generic[T]):
    """One piece of work.

    Attributes:
        id: nobody can guess it.
        owner: who asked for it.
        future: its outcome.
    """

    id: str
    owner: str
    future: Future[T]
    _ended: list[float] = field(default_factory=list, repr=False)

    @property
    def status(self) -> str:
        """Return waiting, running, done or failed."""
        if not self.future.done():
            return "running" if self.future.running() else "waiting"
        return "failed" if self.future.cancelled() or self.future.exception() else "done"

    async def wait(self, seconds: float) -> bool:
        """Wait for the end, at most so long; tell whether it has ended."""
        if not self.future.done():
            await asyncio.wait([asyncio.wrap_future(self.future)], timeout=seconds)
        return self.future.done()


class Jobs(Generic[T]):
    """Runs jobs in threads, first come, first served; thread-safe.

    Args:
        workers: jobs at the same time.
        max_waiting: jobs that may wait besides.
        keep_seconds: how long an ended job can be asked for.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        workers: int,
        max_waiting: int,
        keep_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threads = ThreadPoolExecutor(workers, "image-set")
        self._most = workers + max_waiting
        self._keep = keep_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: dict[str, Job[T]] = {}

    def submit(self, owner: str, work: Callable[[], T]) -> Job[T]:
        """Queue work.

        Raises:
            QueueFull: too much waits already.
        """
        with self._lock:
            self._expire()
            if self.unfinished() >= self._most:
                raise QueueFull
            job: Job[T] = Job(uuid.uuid4().hex, owner, self._threads.submit(work))
            job.future.add_done_callback(lambda _: job._ended.append(self._clock()))
            self._jobs[job.id] = job
            return job

    def find(self, job_id: str, owner: str) -> Job[T] | None:
        """Return an owner's job, unless it ended too long ago."""
        with self._lock:
            self._expire()
            job = self._jobs.get(job_id)
        return job if job is not None and job.owner == owner else None

    def forget(self, job: Job[T]) -> None:
        """Drop a job whose outcome has been told: nobody will ask for it."""
        with self._lock:
            self._jobs.pop(job.id, None)

    def unfinished(self) -> int:
        """Return how many jobs wait or run."""
        return sum(not job.future.done() for job in list(self._jobs.values()))

    def close(self) -> None:
        """Give up what waits, and wait for what runs."""
        self._threads.shutdown(cancel_futures=True)

    def _expire(self) -> None:
        now = self._clock()
        self._jobs = {
            job_id: job
            for job_id, job in self._jobs.items()
            if not job._ended or now - job._ended[0] < self._keep
        }
