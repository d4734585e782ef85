"""Laying images of the store over each other, each pair once in the life of a warehouse."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.selection.judging import PAIR
from imgassets.selection.pairs.verdict import comparator_version, probabilities
from imgassets.settings import Settings
from imgassets.warehouse.contracts import ComparedPairs
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

if TYPE_CHECKING:
    from imgassets.selection.pairs.record import PairMeasures
    from imgassets.vision.guard import GuardedPool

_FOUND = [*PAIR, "probability", "left_box", "right_box", "comparator_version"]

_EARLIER = """
SELECT {columns} FROM compared_pairs SEMI JOIN wanted USING (category, product_id)
WHERE comparator_version = {version}
QUALIFY row_number() OVER (PARTITION BY left_image_id, right_image_id ORDER BY day) = 1
ORDER BY left_image_id, right_image_id
"""


class PixelPairs:
    """Compares pairs of stored images; what ``compared_pairs`` holds already is not done again.

    Decoding and comparing happen in guarded processes, which start with the first pair that needs
    them and end with the ``with`` block.

    Args:
        warehouse: where earlier comparisons are.
        store: where the images are.
        settings: the comparator's model, processes and their limits.
        tell: called with how many pairs were compared since the block began, and how many are asked
            for so far.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        store: ImageStore,
        settings: Settings,
        tell: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        self._warehouse = warehouse
        self._store = store
        self._settings = settings
        self._version = comparator_version(settings.dedup.comparator)
        self._tell = tell
        self._pool: GuardedPool[object] | None = None
        self._done = self._asked = 0
        self._known = pl.DataFrame(schema=_SCHEMA)

    def __enter__(self) -> PixelPairs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.close()

    def recall(self, images: pl.DataFrame) -> None:
        """Remember the earlier comparisons of some products, and forget those of others.

        Args:
            images: rows with category and product_id.
        """
        query = _EARLIER.format(columns=", ".join(_FOUND), version=quote(self._version))
        wanted = images.select("category", "product_id").unique()
        self._known = self._warehouse.sql(query, wanted=wanted).cast(_SCHEMA)

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
        from imgassets.selection.pairs.files import compare_files
        from imgassets.vision.guard import GuardedPool, WorkerLimits
        from imgassets.vision.signals import warm_up

        if self._pool is None:
            vision = self._settings.vision
            limits = WorkerLimits(vision.image_seconds, vision.worker_memory_mib)
            self._pool = GuardedPool(compare_files, vision.workers, limits, warm_up)
        self._asked += pairs.height
        found = []
        with ThreadPoolExecutor(self._settings.vision.workers) as threads:
            for one in threads.map(self._compare, *(pairs[name].to_list() for name in PAIR)):
                found.append(one)
                self._done += 1
                self._tell(self._done, self._asked)
        model = self._settings.dedup.comparator
        return pairs.with_columns(
            probability=pl.Series(probabilities(found, model), dtype=pl.Float32),
            left_box=pl.Series([list(m.left_box) for m in found], dtype=pl.List(pl.Float32)),
            right_box=pl.Series([list(m.right_box) for m in found], dtype=pl.List(pl.Float32)),
            comparator_version=pl.lit(self._version),
        ).select(_FOUND)

    def _compare(self, left: str, right: str) -> PairMeasures:
        from imgassets.selection.pairs.files import ComparedFiles, request

        assert self._pool is not None
        answer = self._pool.call(request(self._store.get(left), self._store.get(right)))
        if isinstance(answer, ComparedFiles):
            return answer.measures
        why = getattr(answer, "detail", answer)
        raise RuntimeError(f"images {left} and {right} cannot be compared: {why}")


_SCHEMA = pl.Schema({name: ComparedPairs.create_empty().schema[name] for name in _FOUND})
