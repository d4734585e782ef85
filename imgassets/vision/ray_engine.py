"""The same operators as actors of a Ray cluster.

Ray Data schedules: it sends blocks of image ids to a pool of actors, starts an actor that was lost
(its process or its whole node) where there is room, and has the blocks that it held computed again.
Here is what it leaves to its caller: who runs what release, that every image has an outcome, and
errors that a person can act on.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from imgassets import __version__
from imgassets.vision.engine import batches_of_looks
from imgassets.vision.operator import SignalsOperator
from imgassets.vision.ray_cluster import await_room, joined
from imgassets.vision.schema import outcome_schema

if TYPE_CHECKING:
    from imgassets.settings import RaySettings, VisionSettings

_BATCHES_PER_BLOCK = 8
"""At most: a block is what a lost actor has to compute again."""

_BLOCKS_PER_ACTOR = 4
"""At least, where there are images enough, so that actors finish at about the same time."""


def outcomes_by_ray(
    kind: type[SignalsOperator[Any]],
    arguments: tuple[object, ...],
    ids: Sequence[str],
    settings: VisionSettings,
    ray_settings: RaySettings,
) -> Iterator[pl.DataFrame]:
    """Run an operator on Ray; see :func:`imgassets.vision.engine.run_operator`.

    Each actor holds one operator: its networks and its decoding processes. Only ids travel to the
    actors and only outcomes back; an actor loads the bytes itself, so what an operator loads with
    must reach the image store from every node. Where an actor is lost, its images are computed
    again by another; an error that the operator itself raises ends the computation.

    Args:
        kind: the operator's class.
        arguments: what it is made with, picklable.
        ids: distinct image ids.
        settings: batch size, and the decoding processes of each actor.
        ray_settings: the cluster, the actors, and what is tried again.

    Yields:
        Frames of outcomes, one row per image, as they become ready.

    Raises:
        RuntimeError: Ray is not installed; the cluster cannot be joined, runs another release or
            has no room for an actor; images were lost with their actors too often; or the operator
            failed on a node. The message names the remedy.
    """
    try:
        import ray
        from ray.exceptions import RayError
    except ImportError as error:
        raise RuntimeError(
            "engine 'ray' needs Ray: pip install 'imgassets[ray]' or set IMGASSETS_ENGINE=local"
        ) from error

    batches = -(-len(ids) // settings.batch_size)
    per_block = -(-batches // (ray_settings.actors * _BLOCKS_PER_ACTOR))
    size = min(per_block, _BATCHES_PER_BLOCK) * settings.batch_size
    missing = set(ids)
    with joined(ray_settings):
        await_room(ray_settings)
        ray.data.DataContext.get_current().enable_progress_bars = False
        # Errors are told in one line below; what Ray has to say besides is in its session's files.
        for handler in logging.getLogger("ray.data").handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.setLevel(logging.CRITICAL)
        blocks = [pa.table({"image_id": ids[k : k + size]}) for k in range(0, len(ids), size)]
        with warnings.catch_warnings():
            # Ray 2.60 has no other way yet to say max_task_retries than the one it warns of.
            warnings.simplefilter("ignore")
            outcomes = ray.data.from_arrow(blocks).map_batches(
                OperatorActor,
                fn_constructor_args=(kind, arguments, settings, __version__),
                batch_format="pyarrow",
                batch_size=None,  # whole blocks
                # One is enough to go on with; the others join as nodes do.
                compute=ray.data.ActorPoolStrategy(
                    min_size=1, max_size=ray_settings.actors, initial_size=ray_settings.actors
                ),
                num_cpus=ray_settings.cpus_per_actor,
                num_gpus=ray_settings.gpus_per_actor or None,
                memory=ray_settings.memory_mib_per_actor * 2**20 or None,
                max_task_retries=ray_settings.retries,
            )
        try:
            for table in outcomes.iter_batches(batch_format="pyarrow", batch_size=None):
                frame = pl.from_arrow(table)
                assert isinstance(frame, pl.DataFrame)
                missing.difference_update(frame["image_id"])
                yield frame.cast(outcome_schema(kind.schema))  # type: ignore[arg-type]
        except RayError as error:
            raise _explained(error, ray_settings) from None  # its trace is Ray's own
    if missing:
        raise RuntimeError(
            f"Ray returned no outcome of {len(missing)} of {len(ids)} images: run the step again, "
            "which computes the missing ones"
        )


class OperatorActor:
    """One operator on a node, fed like that of :func:`imgassets.vision.engine.run_operator`."""

    def __init__(
        self,
        kind: type[SignalsOperator[Any]],
        arguments: tuple[object, ...],
        settings: VisionSettings,
        release: str,
    ) -> None:
        with _named():
            if release != __version__:
                raise RuntimeError(
                    f"it has imgassets {__version__}, the step that asks has {release}: install "
                    "the same release everywhere"
                )
            self._operator = kind(*arguments)  # type: ignore[arg-type]  # each kind has its own
        self._settings = settings

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        """Compute a block, a column ``image_id``; yield the outcomes of a batch at a time."""
        ids = block["image_id"].to_pylist()
        with _named():
            for batch in batches_of_looks(self._operator, ids, self._settings):
                yield self._operator.finish(batch).to_arrow()


@contextmanager
def _named() -> Iterator[None]:
    """Have an error say, in one line, on which node it arose.

    Exceptions with arguments of their own do not survive the way to another process.
    """
    try:
        yield
    except Exception as error:
        import ray

        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise RuntimeError(f"on node {ray.util.get_node_ip_address()}: {told}") from error


def _explained(error: Exception, settings: RaySettings) -> RuntimeError:
    """Return an error that a person can act on, for one of Ray's, which holds remote traces."""
    if told := re.search(r"^RuntimeError: (on node .+)$", str(error), re.MULTILINE):
        return RuntimeError(
            f"{told[1]} (what a step reads, the image store and models, each node has to reach)"
        )
    first = str(error).strip().partition("\n")[0]
    return RuntimeError(
        f"Ray lost the actor of some images, and gave up after {settings.retries + 1} attempts "
        f"({type(error).__name__}: {first}): the node's logs in Ray's session folder say why; "
        "where memory ran out, set IMGASSETS_RAY__MEMORY_MIB_PER_ACTOR"
    )
