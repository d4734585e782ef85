"""The same operator as actors of a Ray cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from imgassets.vision.operator import ImageSignals, Load
from imgassets.vision.schema import OUTCOME_SCHEMA

if TYPE_CHECKING:
    from imgassets.settings import RaySettings, VisionSettings


def outcomes_by_ray(
    ids: Sequence[str], load: Load, settings: VisionSettings, ray_settings: RaySettings
) -> Iterator[pl.DataFrame]:
    """Compute the signals of images on Ray; see :func:`imgassets.vision.engine.outcomes_of`.

    Each actor holds one operator: its backbone and its decoding processes. Only ids travel to the
    actors, which load the bytes themselves, so ``load`` must reach the image store from there.

    Args:
        ids: distinct image ids.
        load: picklable.
        settings: as for this machine; ``workers`` is the number of decoding processes per actor.
        ray_settings: the cluster and the size of the actor pool.

    Raises:
        RuntimeError: Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise RuntimeError(
            "engine 'ray' needs Ray: pip install 'imgassets[ray]' or set IMGASSETS_ENGINE=local"
        ) from error

    joined = not ray.is_initialized()
    if joined:
        address = ray_settings.address or None
        # A local cluster's dashboard would only open a port.
        dashboard = {} if address else {"include_dashboard": False}
        ray.init(address, log_to_driver=False, logging_level=logging.WARNING, **dashboard)
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        size = settings.batch_size
        blocks = [pa.table({"image_id": ids[at : at + size]}) for at in range(0, len(ids), size)]
        outcomes = ray.data.from_arrow(blocks).map_batches(
            ImageSignals,
            fn_constructor_args=(settings, load),
            batch_format="pyarrow",
            batch_size=None,  # a block is a batch
            compute=ray.data.ActorPoolStrategy(size=ray_settings.actors),
            num_cpus=ray_settings.cpus_per_actor,
            num_gpus=ray_settings.gpus_per_actor or None,
        )
        for table in outcomes.iter_batches(batch_format="pyarrow", batch_size=None):
            frame = pl.from_arrow(table)
            assert isinstance(frame, pl.DataFrame)
            yield frame.cast(OUTCOME_SCHEMA)  # type: ignore[arg-type]
    finally:
        if joined:
            ray.shutdown()
