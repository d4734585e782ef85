"""Laying images of the store over each other, each pair once in the life of a warehouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.selection.judging import PAIR
from imgassets.selection.pairs.verdict import comparator_version, probabilities
from imgassets.warehouse.contracts import ComparedPairs
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

if TYPE_CHECKING:
    from imgassets.selection.pairs.record import PairMeasures
    from imgassets.settings import VisionSettings
    from imgassets.vision.guard import GuardedPool

_FOUND = [*PAIR, "probability", "left_box", "right_box", "comparator_version"]

_EARLIER = """
SELECT {columns} FROM compared_pairs SEMI JOIN wanted USING (category, product_id)
WHERE comparator_version = {version}
QUALIFY row_number() OVER (PARTITION BY left_image_id, right_image_id ORDER BY day) = 1
ORDER BY left_image_id, right_image_id
"""


class PairPool:
    """Lays stored images over each other, in guarded processes; thread-safe.

    They start with the first pair that needs them and end with the ``with`` block.

    Args:
        store: where the images are.
        settings: processes and their limits.
    """

    def __init__(self, store: ImageStore, settings: VisionSettings) -> None:
        self._store = store
        self._settings = settings
        self._lock = Lock()
        self._pool: GuardedPool[object] | None = None

    def __enter__(self) -> PairPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.close()

    def start(self) -> None:
        """Start the processes now, which takes seconds."""
        self._started().start()

    def measure(
        self, pairs: Sequence[tuple[str, str]], tell: Callable[[], None] = lambda: None
    ) -> list[PairMeasures]:
        """Compare pairs of image ids, several at once; ``tell`` is called after each.

        Raises:
            RuntimeError: an image does not decode any more; all that have signals did once.
        """
        found = []
        with ThreadPoolExecutor(self._settings.workers) as threads:
            for one in threads.map(self._measure, pairs):
                found.append(one)
                tell()
        return found

    def _measure(self, pair: tuple[str, str]) -> PairMeasures:
        from imgassets.selection.pairs.files import ComparedFiles, request

        left, right = pair
        answer = self._started().call(request(self._store.get(left), self._store.get(right)))
        if isinstance(answer, ComparedFiles):
            return answer.measures
        why = getattr(answer, "detail", answer)
        raise RuntimeError(f"images {left} and {right} cannot be compared: {why}")

    def _started(self) -> GuardedPool[object]:
        from imgassets.selection.pairs.files import compare_files
        from imgassets.vision.guard import GuardedPool, WorkerLimits
        from imgassets.vision.signals import warm_up

        with self._lock:
            if self._pool is None:
                settings = self._settings
                limits = WorkerLimits(settings.image_seconds, settings.worker_memory_mib)
                self._pool = GuardedPool(compare_files, settings.workers, limits, warm_up)
            return self._pool


class PixelPairs:
    """Compares pairs by their pixels; what is known already is not done again.

    Args:
        pool: looks at the pixels.
        model: file of the comparator's model; None: the one that is shipped.
        tell: called with how many pairs were compared so far, and how many are asked for.
    """

    def __init__(
        self,
        pool: PairPool,
        model: Path | None,
        tell: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        self._pool = pool
        self._model = model
        self.version = comparator_version(model)
        self._tell = tell
        self._done = self._asked = 0
        self._known = pl.DataFrame(schema=_SCHEMA)

    def recall(self, warehouse: Warehouse, images: pl.DataFrame) -> None:
        """Remember the earlier comparisons of some products, and forget those of others.

        Args:
            warehouse: where they are.
            images: rows with category and product_id.
        """
        query = _EARLIER.format(columns=", ".join(_FOUND), version=quote(self.version))
        wanted = images.select("category", "product_id").unique()
        self._known = warehouse.sql(query, wanted=wanted).cast(_SCHEMA)

    def __call__(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Compare distinct pairs.

        Args:
            pairs: left_image_id, right_image_id, the smaller id on the left.

        Returns:
            The same rows, sorted, with probability, left_box, right_box, comparator_version.

        Raises:
            RuntimeError: an image does not decode any more; all that have signals did once.
        """
        new = pairs.select(PAIR).join(self._known, on=PAIR, how="anti").sort(PAIR)
        if not new.is_empty():
            self._known = pl.concat([self._known, self._compared(new)])
        return pairs.select(PAIR).join(self._known, on=PAIR).sort(PAIR)

    def _compared(self, pairs: pl.DataFrame) -> pl.DataFrame:
        self._asked += pairs.height
        found = self._pool.measure(pairs.rows(), self._count)
        return pairs.with_columns(
            probability=pl.Series(probabilities(found, self._model), dtype=pl.Float32),
            left_box=pl.Series([list(m.left_box) for m in found], dtype=pl.List(pl.Float32)),
            right_box=pl.Series([list(m.right_box) for m in found], dtype=pl.List(pl.Float32)),
            comparator_version=pl.lit(self.version),
        ).select(_FOUND)

    def _count(self) -> None:
        self._done += 1
        self._tell(self._done, self._asked)


_SCHEMA = pl.Schema({name: ComparedPairs.create_empty().schema[name] for name in _FOUND})
