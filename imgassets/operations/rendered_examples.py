"""Synthetic examples as files, made where they are asked for, in guarded processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from imgassets.ingest.store import ImageStore

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings
    from imgassets.vision.decode import Undecodable


class Renderer:
    """Makes synthetic pictures in guarded processes; called with an example's id.

    An id that is no job of its own is an image of the store: so one function loads both.

    Args:
        store: holds the sources.
        jobs: example_id to what is to be made.
        message: a job → the message that the task takes; it reads the sources.
        task: top-level function of an importable module: message → the file, or a refusal.
        settings: processes and their limits.
    """

    def __init__(
        self,
        store: ImageStore,
        jobs: Mapping[str, dict[str, Any]],
        message: Callable[[dict[str, Any]], bytes],
        task: Callable[[bytes], bytes | Undecodable],
        settings: VisionSettings,
    ) -> None:
        # Loaded where it is used: a code location has no use for decoders.
        from imgassets.vision.guard import GuardedPool, WorkerLimits

        self._store, self._jobs, self._message = store, jobs, message
        self._pool = GuardedPool(
            task,
            settings.workers,
            WorkerLimits(settings.image_seconds, settings.worker_memory_mib),
        )

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def __call__(self, example_id: str) -> bytes:
        """Return the file of one example; empty where its source cannot be made into one."""
        job = self._jobs.get(example_id)
        if job is None:
            return self._store.get(example_id)
        made = self._pool.call(self._message(job))
        return made if isinstance(made, bytes) else b""
