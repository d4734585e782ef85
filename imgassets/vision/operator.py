"""The operator that turns image ids into signals; engines decide where and when it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from imgassets.vision.backbones import Backbone, load_backbone, signals_version
from imgassets.vision.decode import Undecodable
from imgassets.vision.guard import GuardedPool, WorkerFailure, WorkerLimits
from imgassets.vision.record import Signals
from imgassets.vision.schema import OUTCOME_SCHEMA, REFUSAL, SIGNALS_SCHEMA
from imgassets.vision.signals import warm_up
from imgassets.vision.visit import Visit, visit

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

Load = Callable[[str], bytes]
"""Returns the bytes of an image; called from many threads, and pickled for other machines."""


class Look(NamedTuple):
    """One image after its decoding process has seen it."""

    image_id: str
    found: Visit | Undecodable | WorkerFailure


class ImageSignals:
    """Decodes, measures and embeds images; one instance lives as long as its process.

    The backbone is loaded once. Decoding and all CPU signals happen in guarded processes
    (:mod:`imgassets.vision.guard`), the backbone's forward pass batch by batch in this one.

    Args:
        settings: backbone, batch size, decoding processes and their limits.
        load: returns an image's bytes; what it raises ends the computation.
    """

    def __init__(self, settings: VisionSettings, load: Load) -> None:
        self.version = signals_version(settings)
        self.backbone: Backbone = load_backbone(settings)
        self._load = load
        self._pool: GuardedPool[Visit | Undecodable] = GuardedPool(
            partial(visit, spec=self.backbone.input),
            settings.workers,
            WorkerLimits(settings.image_seconds, settings.worker_memory_mib),
            warm_up,
        )

    def __enter__(self) -> ImageSignals:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding processes."""
        self._pool.close()

    def start(self) -> None:
        """Do what only the first image waits for: start processes, choose the network's kernels."""
        self._pool.start()
        side = self.backbone.input.side
        self.backbone.embed(np.zeros((1, side, side, 3), np.uint8))

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Compute one batch, as an engine that maps batches of tables wants it.

        Args:
            batch: a column ``image_id``.

        Returns:
            One row of :data:`OUTCOME_SCHEMA` per image, in the batch's order.
        """
        looks = [self.look(image_id) for image_id in batch["image_id"].to_pylist()]
        return self.finish(looks).to_arrow()

    def look(self, image_id: str) -> Look:
        """Load one image, decode and measure it in a decoding process; thread-safe."""
        return Look(image_id, self._pool.call(self._load(image_id)))

    def finish(self, looks: Sequence[Look]) -> pl.DataFrame:
        """Embed a batch of looks in one forward pass.

        Returns:
            One row of :data:`OUTCOME_SCHEMA` per look, in their order.
        """
        seen = [(look.image_id, look.found) for look in looks if isinstance(look.found, Visit)]
        side = self.backbone.input.side
        squares = [visit.square for _, visit in seen] or np.empty((0, side, side, 3), np.uint8)
        columns: dict[str, object] = {
            "image_id": [image_id for image_id, _ in seen],
            "signals_version": [self.version] * len(seen),
            **{
                name: [getattr(visit.signals, name) for _, visit in seen]
                for name in Signals._fields
            },
            "embedding": list(self.backbone.embed(np.asarray(squares))),
        }
        refused = [look for look in looks if not isinstance(look.found, Visit)]
        refusals = {
            "image_id": [look.image_id for look in refused],
            "refusal": [{part: getattr(look.found, part) for part in REFUSAL} for look in refused],
        }
        order = pl.DataFrame({"image_id": [look.image_id for look in looks]})
        outcomes = pl.concat(
            [
                pl.DataFrame(columns, schema=SIGNALS_SCHEMA),
                pl.DataFrame(refusals, schema={c: OUTCOME_SCHEMA[c] for c in refusals}),
            ],
            how="diagonal",
        )
        return order.join(outcomes, on="image_id", how="left", maintain_order="left").select(
            list(OUTCOME_SCHEMA)
        )
