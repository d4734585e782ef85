"""One photo's signals while somebody waits: networks and decoding processes are held open."""

from __future__ import annotations

import polars as pl

from imgassets.settings import Settings
from imgassets.vision.decode import Undecodable
from imgassets.vision.guard import WorkerFailure
from imgassets.vision.photo_signals import PhotoSignals


class PhotoReader:
    """Measures photos one by one; thread-safe.

    Args:
        settings: backbone, towers, decoding processes and their limits.

    Raises:
        RuntimeError: the backbone or the towers cannot be loaded.
    """

    def __init__(self, settings: Settings) -> None:
        self._operator = PhotoSignals(settings.vision, settings.ranking, load=_nothing)

    def __enter__(self) -> PhotoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Do what only the first photo waits for."""
        self._operator.start()

    def close(self) -> None:
        """End the decoding processes; calls that are under way fail."""
        self._operator.close()

    def signals(self, data: bytes) -> pl.DataFrame | Undecodable | WorkerFailure:
        """Measure one image file; blocks.

        Returns:
            One row of :data:`imgassets.vision.photo_schema.PHOTO_SCHEMA`, whose ``image_id`` is
            empty; or why there is none: the bytes are no picture, or its process failed on them.

        Raises:
            RuntimeError: the reader is closed.
            OSError: no process can be started.
        """
        look = self._operator.look_at("", data)
        if isinstance(look.found, (Undecodable, WorkerFailure)):
            return look.found
        return self._operator.finish([look]).drop("refusal")


def _nothing(image_id: str) -> bytes:
    raise KeyError(image_id)  # a reader is given bytes, not ids
