"""Judging one photo while its customer waits: the ranker's score, and what is wrong in words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from imgassets.learning.registry import ModelRegistry
from imgassets.operations.photo_ranker import PhotoRanker, load_photo_ranker
from imgassets.operations.photo_reader import PhotoReader
from imgassets.operations.photo_scores import PhotoScorer
from imgassets.reviews.prompt import PhotoScore, Problem, score_photo
from imgassets.settings import Settings
from imgassets.vision.decode import Undecodable
from imgassets.vision.guard import WorkerFailure
from imgassets.vision.record import PhotoMeasures
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

HELD_SECONDS = 15.0
"""How long a loaded champion answers before the registry is asked again."""

_PLACE = """
SELECT count(*) FILTER (score > {score}) + 1 AS rank, count(*) AS n
FROM latest_review_ranks
WHERE status = 'ranked' AND product_id = {product} AND model_version = {version}
"""


class JudgedPhoto(NamedTuple):
    """What is said of one photo.

    Attributes:
        score: 0 … 1, the champion's; the rules' where there is no champion.
        problems: the worst first; empty if there are none.
        model_version: of what gave the score.
    """

    score: float
    problems: tuple[Problem, ...]
    model_version: str


class PhotoJudge:
    """Judges photos; networks and processes are held open until it is closed. Thread-safe.

    Without a champion no network is loaded: measures take some milliseconds.

    Args:
        settings: limits, networks, time and memory that one photo may take.
        registry: where the champion is.
        clock: monotonic time in seconds.

    Raises:
        ValueError: the settings name a file of limits that is wrong.
    """

    def __init__(
        self,
        settings: Settings,
        registry: ModelRegistry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._registry, self._clock = settings, registry, clock
        self._rules = PhotoScorer(settings)
        self._reader: PhotoReader | None = None
        self._ranker: PhotoRanker | None = None
        self._asked = 0.0
        self._lock = threading.Lock()

    def __enter__(self) -> PhotoJudge:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; calls that are under way fail."""
        self._rules.close()
        if self._reader is not None:
            self._reader.close()

    def start(self) -> None:
        """Load the champion and its networks now, if there is one."""
        ranker, reader = self._loaded()
        if ranker.scores is not None and reader is not None:
            reader.start()

    def judge(self, data: bytes) -> JudgedPhoto | Undecodable | WorkerFailure:
        """Judge one image file; blocks.

        Returns:
            What is said of it; or why nothing is: the bytes are no picture, or its process failed.

        Raises:
            RuntimeError: the judge is closed, or the networks cannot be loaded.
            CorruptedModel: the champion's files are not those that were registered.
            OSError: no process can be started.
        """
        ranker, reader = self._loaded()
        if reader is None:
            found = self._rules.score(data)
            if not isinstance(found, PhotoScore):
                return found
            return JudgedPhoto(found.score, found.problems, ranker.version)
        signals = reader.signals(data)
        if isinstance(signals, (Undecodable, WorkerFailure)):
            return signals
        row = signals.row(0, named=True)
        measures = PhotoMeasures(*(row[name] for name in PhotoMeasures._fields))
        score = float(ranker.judge(signals)["score"][0])
        problems = score_photo(measures, ranker.limits).problems
        return JudgedPhoto(score, problems, ranker.version)

    def _loaded(self) -> tuple[PhotoRanker, PhotoReader | None]:
        """Return what judges now; the reader is None where the rules do."""
        with self._lock:
            if self._ranker is None or self._clock() - self._asked > HELD_SECONDS:
                self._ranker = load_photo_ranker(self._registry, self._settings)
                self._asked = self._clock()
            if self._ranker.scores is None:
                return self._ranker, None
            if self._reader is None:
                self._reader = PhotoReader(self._settings)
            return self._ranker, self._reader


def place_among(
    warehouse: Warehouse, product_id: str, photo: JudgedPhoto
) -> tuple[int, int] | None:
    """Return the rank that a photo would have among a product's, and how many these are.

    None where no photo of the product has a score of the same version: others do not compare.
    """
    query = _PLACE.format(
        score=photo.score, product=quote(product_id), version=quote(photo.model_version)
    )
    rank, n = warehouse.sql(query).row(0)
    return (int(rank), int(n)) if n else None
