"""Training and the champion: labels meet signals, evidence decides, the warehouse remembers."""

from __future__ import annotations

import functools
from pathlib import Path

import polars as pl

from imgassets.learning.head import LogisticHead
from imgassets.learning.image_types import TrainingReport, train_image_type
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.planning import MODEL
from imgassets.warehouse.contracts import ImageLabels, ModelVersions
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import quote


class TrainingError(RuntimeError):
    """A model cannot be trained; the message says what is missing."""


def labelled_embeddings(warehouse: Warehouse, signals_version: str) -> pl.DataFrame:
    """Return every label whose image has signals at ``signals_version``.

    Returns:
        Frame (product_id, image_id, category, image_type, group_id, embedding), one row per
        distinct (product_id, image_id), sorted.
    """
    return warehouse.sql(
        f"""
        SELECT DISTINCT ON (l.product_id, f.image_id)
            l.product_id, f.image_id, f.category, l.image_type, l.group_id, s.embedding
        FROM image_labels AS l
        JOIN fetched_images AS f USING (product_id, image_url)
        JOIN image_signals AS s ON s.image_id = f.image_id
        WHERE s.signals_version = {quote(signals_version)}
        ORDER BY l.product_id, f.image_id, l.image_url, f.day, s.day, s.category
        """
    )


def train(
    warehouse: Warehouse, registry: ModelRegistry, signals_version: str, seed: int
) -> TrainingReport:
    """Train the image-type model, promote it if it beats the champion, and record the outcome.

    Raises:
        TrainingError: there are no labels, or none of the labelled images has signals yet.
    """
    labels = warehouse.read(ImageLabels)
    if labels.is_empty():
        raise TrainingError("no labels yet: run `imgassets labels import FILE.csv`")
    rows = labelled_embeddings(warehouse, signals_version)
    if rows.is_empty():
        raise TrainingError(
            f"none of the {labels.height} labelled images has signals of version "
            f"{signals_version}: run `imgassets backfill` first"
        )
    report = train_image_type(
        rows,
        registry,
        snapshot_id=warehouse.snapshot_id(),
        signals_version=signals_version,
        seed=seed,
    )
    if report.retrained:
        record_version(warehouse, report.version_row)
    return report


def record_version(warehouse: Warehouse, row: pl.DataFrame) -> None:
    """Write a model version; when it is champion, no other version of the model is."""
    earlier = warehouse.read(ModelVersions, where=f"model = {quote(MODEL)}").join(
        row, on=["model", "version"], how="anti"
    )
    if row["is_champion"].any():
        earlier = earlier.with_columns(pl.lit(False).alias("is_champion"))
    warehouse.replace(
        [Replacement(ModelVersions, pl.concat([earlier, row]), equals={"model": MODEL})],
        CommitMessage(asset="model_versions"),
    )


def champion_head(
    registry: ModelRegistry, warehouse: Warehouse, signals_version: str
) -> tuple[LogisticHead | None, str]:
    """Return (head, version) of the champion, or (None, "") while there is none that fits.

    The alias in MLflow decides; where somebody moved it by hand, ``model_versions`` follows. A
    champion trained on other signals cannot read these embeddings and is passed over.
    """
    champion = registry.champion(MODEL)
    if champion is None:
        return None, ""
    _follow_alias(warehouse, champion.version)
    head = _load_head(registry.download(MODEL, champion.version))
    if head.signals_version != signals_version:
        return None, ""
    return head, f"{MODEL}/{champion.version}"


def _follow_alias(warehouse: Warehouse, version: int) -> None:
    rows = warehouse.read(ModelVersions, where=f"model = {quote(MODEL)}")
    is_champion = pl.col("version") == version
    if rows.filter(is_champion != pl.col("is_champion")).is_empty():
        return
    warehouse.replace(
        [
            Replacement(
                ModelVersions,
                rows.with_columns(is_champion.alias("is_champion")),
                equals={"model": MODEL},
            )
        ],
        CommitMessage(asset="model_versions"),
    )


@functools.lru_cache(maxsize=4)
def _load_head(folder: Path) -> LogisticHead:
    return LogisticHead.load(folder)
