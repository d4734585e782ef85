"""The operators that turn image ids into signals; engines decide where and when one runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np
import polars as pl

from imgassets.vision.backbones import Backbone, load_backbone, signals_version
from imgassets.vision.decode import Undecodable
from imgassets.vision.guard import GuardedPool, WorkerFailure, WorkerLimits
from imgassets.vision.record import Signals
from imgassets.vision.schema import REFUSAL, SIGNALS_SCHEMA, Schema, outcome_schema
from imgassets.vision.signals import warm_up
from imgassets.vision.visit import Visit, visit

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

V = TypeVar("V")

Load = Callable[[str], bytes]
"""Returns the bytes of an image; called from many threads, and pickled for other machines."""


class Look(NamedTuple, Generic[V]):
    """One image after its decoding process has seen it."""

    image_id: str
    found: V | Undecodable | WorkerFailure


class SignalsOperator(ABC, Generic[V]):
    """Decodes, measures and embeds images; one instance lives as long as its process.

    Decoding and all CPU signals happen in guarded processes (:mod:`imgassets.vision.guard`),
    forward passes batch by batch in this one.

    Args:
        version: what makes the rows: algorithms and networks.
        task: what a decoding process does with a file's bytes.
        warm_up: what it does before it is given the first ones.
        settings: decoding processes and their limits.
        load: returns an image's bytes; what it raises ends the computation.
    """

    schema: ClassVar[Schema]
    """Columns of the signals."""

    version_column: ClassVar[str] = "signals_version"
    """Column of the version."""

    def __init__(
        self,
        version: str,
        task: Callable[[bytes], V | Undecodable],
        warm_up: Callable[[], object],
        settings: VisionSettings,
        load: Load,
    ) -> None:
        self.version = version
        self._load = load
        self._pool: GuardedPool[V | Undecodable] = GuardedPool(
            task,
            settings.workers,
            WorkerLimits(settings.image_seconds, settings.worker_memory_mib),
            warm_up,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding processes."""
        self._pool.close()

    def start(self) -> None:
        """Start the decoding processes, which only the first image waits for."""
        self._pool.start()

    def look(self, image_id: str) -> Look[V]:
        """Load one image, decode and measure it in a decoding process; thread-safe."""
        return self.look_at(image_id, self._load(image_id))

    def look_at(self, image_id: str, data: bytes) -> Look[V]:
        """Decode and measure one image's bytes in a decoding process; thread-safe."""
        return Look(image_id, self._pool.call(data))

    def finish(self, looks: Sequence[Look[V]]) -> pl.DataFrame:
        """Embed a batch of looks in one forward pass of each network.

        Returns:
            One outcome per look, in their order: :attr:`schema`, and the refusal.
        """
        seen: list[tuple[str, V]] = []
        refused = []
        for image_id, found in looks:
            if isinstance(found, (Undecodable, WorkerFailure)):
                refused.append((image_id, {part: getattr(found, part) for part in REFUSAL}))
            else:
                seen.append((image_id, found))
        columns: dict[str, object] = {
            "image_id": [image_id for image_id, _ in seen],
            self.version_column: [self.version] * len(seen),
            **self.columns([visit for _, visit in seen]),
        }
        outcome = outcome_schema(self.schema)
        refusals = {"image_id": [i for i, _ in refused], "refusal": [why for _, why in refused]}
        order = pl.DataFrame({"image_id": [look.image_id for look in looks]})
        outcomes = pl.concat(
            [
                pl.DataFrame(columns, schema=self.schema),
                pl.DataFrame(refusals, schema={c: outcome[c] for c in refusals}),
            ],
            how="diagonal",
        )
        return order.join(outcomes, on="image_id", how="left", maintain_order="left").select(
            list(outcome)
        )

    @abstractmethod
    def columns(self, visits: Sequence[V]) -> dict[str, object]:
        """Return the columns of decoded images, after the id and the version; may be none."""


class ImageSignals(SignalsOperator[Visit]):
    """The operator of product images: all signals, and one backbone, which is loaded once.

    Args:
        settings: backbone, batch size, decoding processes and their limits.
        load: returns an image's bytes; what it raises ends the computation.
    """

    schema = SIGNALS_SCHEMA

    def __init__(self, settings: VisionSettings, load: Load) -> None:
        self.backbone: Backbone = load_backbone(settings)
        task = partial(visit, spec=self.backbone.input)
        super().__init__(signals_version(settings), task, warm_up, settings, load)

    def start(self) -> None:
        """Do what only the first image waits for: start processes, choose the network's kernels."""
        super().start()
        self.backbone.embed(stacked([], self.backbone.input.side, blank=1))

    def columns(self, visits: Sequence[Visit]) -> dict[str, object]:
        """Return the signals and the embedding."""
        squares = stacked([visit.square for visit in visits], self.backbone.input.side)
        return {
            **fields_of([visit.signals for visit in visits], Signals._fields),
            "embedding": list(self.backbone.embed(squares)),
        }


def fields_of(records: Sequence[NamedTuple], names: Sequence[str]) -> dict[str, object]:
    """Return named fields of records, column by column."""
    return {name: [getattr(record, name) for record in records] for name in names}


def stacked(squares: Sequence[np.ndarray], side: int, blank: int = 0) -> np.ndarray:
    """Return squares as one array, uint8 [n, side, side, 3]; black ones where there are none.

    Args:
        squares: RGB, uint8, side × side × 3 each.
        side: pixels.
        blank: how many black ones stand for none.
    """
    return np.asarray(squares) if squares else np.zeros((blank, side, side, 3), np.uint8)
