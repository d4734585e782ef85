"""Signals in three steps: plan what is missing, infer it, and collect a partition's rows.

Inference may take hours and a GPU, so what it has finished is kept as shards outside the warehouse
until a partition's rows are committed: a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import fsspec
import polars as pl

from imgassets.ingest.store import ImageStore, write_whole
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.vision.schema import OUTCOME_SCHEMA, split
from imgassets.warehouse.contracts import ImageSignals, Quarantine
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

_SHARD_ROWS = 256
"""Images in one shard, at least: what a kill loses, against the number of files."""


class SignalShards:
    """Finished outcomes that no partition holds yet: Parquet files under an fsspec root.

    Args:
        root: shared by all machines that run steps.
        version: the signals version; shards of different versions never meet.
    """

    def __init__(self, root: str, version: str) -> None:
        self._fs, path = fsspec.core.url_to_fs(root)
        self._folder = f"{path.rstrip('/')}/{hashlib.sha256(version.encode()).hexdigest()[:16]}"

    def add(self, outcomes: pl.DataFrame) -> None:
        """Keep outcomes (:data:`OUTCOME_SCHEMA`); readers see all of them or none."""
        buffer = io.BytesIO()
        outcomes.write_parquet(buffer)
        write_whole(self._fs, f"{self._folder}/{uuid.uuid4().hex}.parquet", buffer.getvalue())

    def read(self, ids: pl.DataFrame) -> pl.DataFrame:
        """Return one outcome per image of ``ids`` (a column ``image_id``) that has any.

        An image that was refused once and computed once counts as computed.
        """
        found = [self._read(path).join(ids, on="image_id", how="semi") for path in self._paths()]
        outcomes = pl.concat([pl.DataFrame(schema=OUTCOME_SCHEMA), *found])
        return outcomes.sort("image_id", pl.col("refusal").is_not_null()).unique(
            "image_id", keep="first", maintain_order=True
        )

    def purge(self, accounted: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Delete the shards all of whose images are accounted for.

        Args:
            accounted: returns those rows of a column ``image_id`` that the warehouse holds.
        """
        for path in self._paths():
            ids = self._read(path, columns=["image_id"])
            if accounted(ids).height == ids.height:
                self._fs.rm_file(path)

    def _paths(self) -> list[str]:
        return sorted(self._fs.glob(f"{self._folder}/*.parquet"))

    def _read(self, path: str, columns: list[str] | None = None) -> pl.DataFrame:
        try:
            return pl.read_parquet(self._fs.cat_file(path), columns=columns)
        except FileNotFoundError:  # purged by another run, so its rows are in the warehouse
            schema = OUTCOME_SCHEMA if columns is None else {c: OUTCOME_SCHEMA[c] for c in columns}
            return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class Measured:
    """Signals of a set of partitions: rows, refusals, and how many were reused."""

    signals: pl.DataFrame
    quarantine: pl.DataFrame
    n_images: int


def open_shards(settings: Settings) -> SignalShards:
    """Return the shards of the present signals version."""
    return SignalShards(settings.signal_shards, signals_version(settings.vision))


def plan_signals(
    aggregated: pl.DataFrame, warehouse: Warehouse, settings: Settings
) -> pl.DataFrame:
    """Return the images whose signals no partition and no shard holds yet.

    Args:
        aggregated: rows with an ``image_id``.
        warehouse: holds signals computed before, in any partition.
        settings: backbone and algorithms; they make the signals version.

    Returns:
        A column ``image_id``, sorted.
    """
    shards = open_shards(settings)
    version = signals_version(settings.vision)
    shards.purge(lambda ids: _accounted(warehouse, ids, version))
    ids = aggregated.select("image_id").unique().sort("image_id")
    computed = shards.read(ids).filter(pl.col("refusal").is_null())
    known = _known_signals(warehouse, ids, version)
    return ids.join(known, on="image_id", how="anti").join(computed, on="image_id", how="anti")


def infer_signals(
    plan: pl.DataFrame,
    store: ImageStore,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Compute the planned images' signals on the engine that the settings name, into shards.

    Args:
        plan: from :func:`plan_signals`.
        store: holds the bytes.
        settings: engine, backbone, batch sizes.
        progress: called with (done, total) images after each batch.
    """
    # Loaded where it is used: it brings compiled kernels that a code location has no use for.
    from imgassets.vision.engine import outcomes_of

    shards = open_shards(settings)
    ray = settings.ray if settings.engine == "ray" else None
    ids = plan["image_id"].to_list()
    waiting: list[pl.DataFrame] = []
    done = 0
    for outcomes in outcomes_of(ids, store.get, settings.vision, ray):
        waiting.append(outcomes)
        done += outcomes.height
        if sum(frame.height for frame in waiting) >= _SHARD_ROWS or done == len(ids):
            shards.add(pl.concat(waiting))
            waiting.clear()
        if progress is not None:
            progress(done, len(ids))


def collect_signals(aggregated: pl.DataFrame, warehouse: Warehouse, settings: Settings) -> Measured:
    """Return the rows of every aggregated image: signals, or a quarantine row.

    Args:
        aggregated: (day, category, product_id, image_id, image_urls) rows.
        warehouse: holds signals computed before, in any partition.
        settings: as when the signals were inferred.

    Raises:
        RuntimeError: an image has no outcome; the asset has to be run again.
    """
    version = signals_version(settings.vision)
    ids = aggregated.select("image_id").unique().sort("image_id")
    known = _known_signals(warehouse, ids, version)
    inferred = split(open_shards(settings).read(ids.join(known, on="image_id", how="anti")))
    n_found = known.height + inferred.signals.height + inferred.refused.height
    if n_found < ids.height:
        raise RuntimeError(
            f"{ids.height - n_found} of {ids.height} images have no signals yet: the settings or "
            "the store of shards changed while they were computed; materialize image_signals again"
        )
    per_image = pl.concat(
        [known, inferred.signals.select(known.columns).cast(dict(known.schema))]  # type: ignore[arg-type]
    )
    return measured_rows(aggregated, per_image, inferred.refused)


def measured_rows(
    aggregated: pl.DataFrame, signals: pl.DataFrame, refused: pl.DataFrame
) -> Measured:
    """Return the rows of aggregated images: signals, or a quarantine row.

    Args:
        aggregated: (day, category, product_id, image_id, image_urls) rows.
        signals: of distinct images, without a partition.
        refused: images that do not decode, in :class:`imgassets.vision.schema.SignalsResult`.
    """
    cells = aggregated.select("day", "category", "image_id").unique()
    rows = cells.join(signals, on="image_id", how="inner")
    quarantine = aggregated.join(refused, on="image_id", how="inner").with_columns(
        pl.lit("signals").alias("stage"),
        pl.col("image_urls").list.first().alias("image_url"),
        pl.lit(None, pl.String).alias("supplier_id"),
        pl.lit(None, pl.String).alias("feed_file"),
        pl.lit(None, pl.Int32).alias("feed_row"),
    )
    return Measured(
        rows.select(ImageSignals.column_names()).sort(ImageSignals.primary_key()),
        quarantine.select(Quarantine.column_names()).sort(
            "day", "category", "product_id", "image_id"
        ),
        n_images=cells["image_id"].n_unique(),
    )


def _known_signals(warehouse: Warehouse, ids: pl.DataFrame, version: str) -> pl.DataFrame:
    """Return stored signals of ``ids`` at ``version``, one row per image, without a partition."""
    columns = [c for c in ImageSignals.column_names() if c not in ("day", "category")]
    select = ", ".join(f's."{c}"' for c in columns)
    schema = ImageSignals.create_empty().schema
    found = warehouse.sql(
        f"SELECT DISTINCT ON (s.image_id) {select} FROM image_signals AS s "
        f"SEMI JOIN wanted USING (image_id) WHERE s.signals_version = {quote(version)} "
        "ORDER BY s.image_id, s.day, s.category",
        wanted=ids,
    )
    return found.cast({c: schema[c] for c in columns})


def _accounted(warehouse: Warehouse, ids: pl.DataFrame, version: str) -> pl.DataFrame:
    """Return the images of ``ids`` that have signals of ``version`` or were refused."""
    return warehouse.sql(
        "SELECT image_id FROM wanted SEMI JOIN (SELECT image_id FROM image_signals "
        f"WHERE signals_version = {quote(version)} "
        "UNION SELECT image_id FROM quarantine WHERE stage = 'signals') USING (image_id)",
        wanted=ids,
    )
