"""What the REST interface works with: the selection, its jobs, and the judge of photos.

Loading models and starting decoding processes takes seconds, so it happens once: when the service
starts, or with the first request that needs it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.image_search import ImageSearch
from imgassets.operations.live_selection import LiveSelection, Selected
from imgassets.operations.photo_judge import PhotoJudge
from imgassets.operations.standing import StandingReader
from imgassets.selection.policies import read_policies
from imgassets.selection.thresholds import read_thresholds
from imgassets.service.telemetry import Metrics
from imgassets.service.v1.jobs import Jobs
from imgassets.service.v1.messages import ImageSet
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class Engine:
    """Selects image sets, scores photos and searches, for all requests together.

    Args:
        settings: as for the assets, and ``[service]``.
        warehouse: the warehouse.
        store: where images are kept.
        registry: where the champions are.
        metrics: what is counted.

    Raises:
        ValueError: a file of thresholds or policies that the settings name is wrong.

    Attributes:
        is_ready: whether models and processes were started ahead.
    """

    def __init__(
        self,
        settings: Settings,
        warehouse: Warehouse,
        store: ImageStore,
        registry: ModelRegistry,
        metrics: Metrics,
    ) -> None:
        service = settings.service
        # A wrong file must stop the service at its start, not its first request.
        read_thresholds(settings.dedup.thresholds)
        read_policies(settings.ordering.policies)
        self.settings = settings
        self.warehouse = warehouse
        self.standing = StandingReader(warehouse, settings.quality.max_products_sharing)
        self.search = ImageSearch(settings, warehouse, registry)
        self.jobs: Jobs[ImageSet] = Jobs(
            service.workers, service.max_waiting, 60 * service.result_minutes
        )
        metrics.waiting.set_function(self.jobs.unfinished)
        self.is_ready = False
        self._selection = _Once(
            lambda: LiveSelection(warehouse, store, registry, settings, self.standing)
        )
        self._photo_judge = _Once(lambda: PhotoJudge(settings, registry))

    def start(self) -> None:
        """Load models and start processes now, in the background."""
        threading.Thread(target=self._start, name="engine", daemon=True).start()

    def _start(self) -> None:
        try:
            self._selection.get().start()
            self._photo_judge.get().start()
            self.search.start()
        except Exception:
            # Requests will meet the same error, and tell it; the service must not end of it.
            _LOG.exception("the models could not be loaded ahead")
        else:
            self.is_ready = True

    def select(self, offers: pl.DataFrame, folders: Sequence[Path] = ()) -> Selected:
        """Select sets; see :meth:`LiveSelection.select`."""
        return self._selection.get().select(offers, folders)

    @property
    def photo_judge(self) -> PhotoJudge:
        """What judges review photos."""
        return self._photo_judge.get()

    def close(self) -> None:
        """Give up jobs that wait, wait for those that run, and end the processes."""
        self.jobs.close()
        for made in (self._selection.made, self._photo_judge.made):
            if made is not None:
                made.close()


class _Once(Generic[T]):
    """Makes a thing when it is first asked for; thread-safe."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self.made: T | None = None

    def get(self) -> T:
        """Return the thing."""
        with self._lock:
            if self.made is None:
                self.made = self._make()
            return self.made
