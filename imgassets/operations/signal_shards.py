"""Outcomes of inference that no partition holds yet, and the steps that all kinds of signals share.

Inference may take hours and a GPU, so what it has finished is kept as shards outside the warehouse
until a partition's rows are committed: a run that was killed goes on where it stopped. An image is
computed once per version, whatever partitions name it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from imgassets.ingest.store import ImageStore, write_whole
from imgassets.object_store import open_root
from imgassets.settings import RaySettings, Settings
from imgassets.vision.schema import Schema, SignalsResult, outcome_schema, split
from imgassets.warehouse.contract import Contract
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

SHARD_ROWS = 256
"""Images in one shard, at least: what a kill loses, against the number of files."""

Load = Callable[[str], bytes]
Outcomes = Callable[[Sequence[str], Load, Settings, RaySettings | None], Iterator[pl.DataFrame]]


class SignalShards:
    """Finished outcomes that no partition holds yet: Parquet files under an fsspec root.

    Args:
        root: shared by all machines that run steps.
        version: the signals version; shards of different versions never meet.
        schema: columns of the signals.
    """

    def __init__(self, root: str, version: str, schema: Schema) -> None:
        self._fs, path = open_root(root)
        self._folder = f"{path.rstrip('/')}/{hashlib.sha256(version.encode()).hexdigest()[:16]}"
        self._schema = outcome_schema(schema)

    def add(self, outcomes: pl.DataFrame) -> None:
        """Keep outcomes; readers see all of them or none."""
        buffer = io.BytesIO()
        outcomes.write_parquet(buffer)
        write_whole(self._fs, f"{self._folder}/{uuid.uuid4().hex}.parquet", buffer.getvalue())

    def read(self, ids: pl.DataFrame) -> pl.DataFrame:
        """Return one outcome per image of ``ids`` (a column ``image_id``) that has any.

        An image that was refused once and computed once counts as computed.
        """
        found = [self._read(path).join(ids, on="image_id", how="semi") for path in self._paths()]
        outcomes = pl.concat([pl.DataFrame(schema=self._schema), *found])
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
            schema = self._schema if columns is None else {c: self._schema[c] for c in columns}
            return pl.DataFrame(schema=schema)


def forget_in_shards(root: str, image_ids: Collection[str]) -> None:
    """Remove some images from the files under a root, of any version and step.

    Args:
        root: as for :class:`SignalShards`.
        image_ids: the images.
    """
    fs, path = open_root(root)
    named = pl.col("image_id").is_in(list(image_ids))
    for file in sorted(fs.glob(f"{path.rstrip('/')}/**/*.parquet")):
        with contextlib.suppress(FileNotFoundError):  # purged by a run
            rows = pl.read_parquet(fs.cat_file(file))
            if "image_id" not in rows.columns:
                continue
            if (kept := rows.filter(~named)).height < rows.height:
                buffer = io.BytesIO()
                kept.write_parquet(buffer)
                write_whole(fs, file, buffer.getvalue())


@dataclass(frozen=True)
class SignalsKind:
    """Signals of one kind of image: where they are kept, and what makes them.

    Attributes:
        asset: the table's asset, for messages.
        table: contract of the table; its rows are of (day, category, image_id).
        stage: of the quarantine rows of images that do not decode.
        schema: columns of the signals.
        version: names what makes them, by the settings.
        outcomes: computes them.
        version_column: of the table and the outcomes.
    """

    asset: str
    table: type[Contract]
    stage: str
    schema: Schema
    version: Callable[[Settings], str]
    outcomes: Outcomes
    version_column: str = "signals_version"

    def shards(self, settings: Settings) -> SignalShards:
        """Return the shards of the present version."""
        return SignalShards(settings.signal_shards, self.version(settings), self.schema)

    def plan(self, images: pl.DataFrame, warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
        """Return the images whose signals no partition and no shard holds yet.

        Args:
            images: rows with an ``image_id``.
            warehouse: holds signals computed before, in any partition.
            settings: backbone and algorithms; they make the signals version.

        Returns:
            A column ``image_id``, sorted.
        """
        shards, version = self.shards(settings), self.version(settings)
        shards.purge(lambda ids: self._accounted(warehouse, ids, version))
        ids = images.select("image_id").unique().sort("image_id")
        computed = shards.read(ids).filter(pl.col("refusal").is_null())
        known = self._known(warehouse, ids, version)
        return ids.join(known, on="image_id", how="anti").join(computed, on="image_id", how="anti")

    def infer(
        self,
        plan: pl.DataFrame,
        store: ImageStore,
        settings: Settings,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Compute the planned images' signals on the engine that the settings name, into shards.

        Args:
            plan: from :meth:`plan`.
            store: holds the bytes.
            settings: engine, backbone, batch sizes.
            progress: called with (done, total) images after each batch.
        """
        shards = self.shards(settings)
        ray = settings.ray if settings.engine == "ray" else None
        ids = plan["image_id"].to_list()
        waiting: list[pl.DataFrame] = []
        done = 0
        for outcomes in self.outcomes(ids, store.get, settings, ray):
            waiting.append(outcomes)
            done += outcomes.height
            if sum(frame.height for frame in waiting) >= SHARD_ROWS or done == len(ids):
                shards.add(pl.concat(waiting))
                waiting.clear()
            if progress is not None:
                progress(done, len(ids))

    def collect(
        self, images: pl.DataFrame, warehouse: Warehouse, settings: Settings
    ) -> SignalsResult:
        """Return the signals of distinct images, without a partition, and the refused ones.

        Args:
            images: rows with an ``image_id``.
            warehouse: holds signals computed before, in any partition.
            settings: as when the signals were inferred.

        Raises:
            RuntimeError: an image has no outcome; the asset has to be run again.
        """
        ids = images.select("image_id").unique().sort("image_id")
        known = self._known(warehouse, ids, self.version(settings))
        missing = ids.join(known, on="image_id", how="anti")
        inferred = split(self.shards(settings).read(missing), self.schema)
        n_found = known.height + inferred.signals.height + inferred.refused.height
        if n_found < ids.height:
            raise RuntimeError(
                f"{ids.height - n_found} of {ids.height} images have no signals yet: the settings "
                "or the store of shards changed while they were computed; materialize "
                f"{self.asset} again"
            )
        computed = inferred.signals.select(known.columns).cast(dict(known.schema))  # type: ignore[arg-type]
        return SignalsResult(pl.concat([known, computed]), inferred.refused)

    def _known(self, warehouse: Warehouse, ids: pl.DataFrame, version: str) -> pl.DataFrame:
        """Return stored signals of ``ids``, one row per image, without a partition."""
        columns = [c for c in self.table.column_names() if c not in ("day", "category")]
        select = ", ".join(f's."{c}"' for c in columns)
        schema = self.table.create_empty().schema
        found = warehouse.sql(
            f"SELECT DISTINCT ON (s.image_id) {select} FROM {self.table.table_name()} AS s "
            f"SEMI JOIN wanted USING (image_id) WHERE s.{self.version_column} = {quote(version)} "
            "ORDER BY s.image_id, s.day, s.category",
            wanted=ids,
        )
        return found.cast({c: schema[c] for c in columns})

    def _accounted(self, warehouse: Warehouse, ids: pl.DataFrame, version: str) -> pl.DataFrame:
        """Return the images of ``ids`` that have signals of the version or were refused."""
        return warehouse.sql(
            "SELECT image_id FROM wanted SEMI JOIN "
            f"(SELECT image_id FROM {self.table.table_name()} "
            f"WHERE {self.version_column} = {quote(version)} "
            f"UNION SELECT image_id FROM quarantine WHERE stage = {quote(self.stage)}) "
            "USING (image_id)",
            wanted=ids,
        )
