"""The same operators as actors of a Ray cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from imgassets.vision.operator import SignalsOperator
from imgassets.vision.schema import outcome_schema

if TYPE_CHECKING:
    from imgassets.settings import RaySettings


def outcomes_by_ray(
    kind: type[SignalsOperator[Any]],
    arguments: tuple[object, ...],
    ids: Sequence[str],
    batch_size: int,
    ray_settings: RaySettings,
) -> Iterator[pl.DataFrame]:
    """Run an operator on Ray; see :func:`imgassets.vision.engine.run_operator`.

    Each actor holds one operator: its networks and its decoding processes. Only ids travel to the
    actors, which load the bytes themselves, so what an operator loads with must reach the image
    store from there.

    Args:
        kind: the operator's class.
        arguments: what it is made with, picklable; vision settings' ``workers`` is the number of
            decoding processes per actor.
        ids: distinct image ids.
        batch_size: images in one forward pass.
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
        blocks = [
            pa.table({"image_id": ids[at : at + batch_size]})
            for at in range(0, len(ids), batch_size)
        ]
        outcomes = ray.data.from_arrow(blocks).map_batches(
            kind,
            fn_constructor_args=arguments,
            batch_format="pyarrow",
            batch_size=None,  # a block is a batch
            compute=ray.data.ActorPoolStrategy(size=ray_settings.actors),
            num_cpus=ray_settings.cpus_per_actor,
            num_gpus=ray_settings.gpus_per_actor or None,
        )
        for table in outcomes.iter_batches(batch_format="pyarrow", batch_size=None):
            frame = pl.from_arrow(table)
            assert isinstance(frame, pl.DataFrame)
            yield frame.cast(outcome_schema(kind.schema))  # type: ignore[arg-type]
    finally:
        if joined:
            ray.shutdown()
