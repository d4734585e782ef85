"""Scoring customers' photos as they come in, in processes that hostile files cannot harm."""

from __future__ import annotations

import os
from pathlib import Path

from imgassets.reviews.prompt import PhotoScore, builtin_limits, read_limits, score_photo
from imgassets.settings import Settings
from imgassets.vision.decode import Undecodable
from imgassets.vision.guard import GuardedPool, WorkerFailure, WorkerLimits
from imgassets.vision.photo import measure_photo, warm_up
from imgassets.vision.record import PhotoMeasures

_WORKERS = min(4, os.cpu_count() or 1)
"""Measuring processes: some milliseconds per photo."""


class PhotoScorer:
    """Scores photos; holds its processes open until it is closed.

    Args:
        settings: time and memory that one photo may take, and the file of limits.

    Raises:
        ValueError: the settings name a file of limits that is wrong.
    """

    def __init__(self, settings: Settings) -> None:
        path: Path | None = settings.photo_limits
        self._limits = builtin_limits() if path is None else read_limits(path)
        vision = settings.vision
        self._pool: GuardedPool[PhotoMeasures | Undecodable] = GuardedPool(
            measure_photo,
            _WORKERS,
            WorkerLimits(vision.image_seconds, vision.worker_memory_mib),
            warm_up,
        )

    def __enter__(self) -> PhotoScorer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; calls that are under way fail."""
        self._pool.close()

    def score(self, data: bytes) -> PhotoScore | Undecodable | WorkerFailure:
        """Score one image file; blocks, thread-safe.

        Returns:
            The score; or why there is none, which has a ``rule_id``, ``measured``, ``limit`` and
            ``detail``: the bytes are no picture, or its process failed on them.

        Raises:
            RuntimeError: the scorer is closed.
            OSError: no process can be started.
        """
        measured = self._pool.call(data)
        if isinstance(measured, PhotoMeasures):
            return score_photo(measured, self._limits)
        return measured
