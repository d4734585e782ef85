"""Training and the champion: labels meet signals, evidence decides, the warehouse remembers."""

from __future__ import annotations

import polars as pl

from imgassets.learning.image_types import (
    MODEL,
    TrainingReport,
    TypeChampion,
    load_champion,
    train_image_type,
)
from imgassets.learning.registered import RegistryUnavailable
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.versions import model_versions
from imgassets.settings import TypeSettings
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
    warehouse: Warehouse,
    registry: ModelRegistry,
    signals_version: str,
    seed: int,
    limits: TypeSettings | None = None,
) -> TrainingReport:
    """Train the image-type model, promote it if it beats the champion, and record the outcome.

    Raises:
        TrainingError: there are no labels, or none of the labelled images has signals yet.
        RegistryUnavailable: the registry does not answer.
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
        limits=limits,
    )
    follow_registry(warehouse, registry)
    return report


def lacks_first_model(warehouse: Warehouse) -> bool:
    """Tell whether there are labels of types, but no model was ever trained on any."""
    made = warehouse.read(ModelVersions, columns=["version"], where=f"model = {quote(MODEL)}")
    no_model = made.is_empty()
    return no_model and not warehouse.read(ImageLabels, columns=["product_id"]).is_empty()


def follow_registry(warehouse: Warehouse, registry: ModelRegistry) -> None:
    """Make ``model_versions`` say what MLflow says, also where somebody moved an alias by hand.

    Raises:
        RegistryUnavailable: the registry does not answer.
    """
    present = warehouse.read(ModelVersions)
    wanted = model_versions(registry).select(present.columns).sort("model", "version")
    if not wanted.equals(present):
        warehouse.replace(
            [Replacement(ModelVersions, wanted)], CommitMessage(asset="model_versions")
        )


def champion_head(
    registry: ModelRegistry, warehouse: Warehouse, signals_version: str
) -> TypeChampion:
    """Return the image-type champion; its head is None while there is none that fits.

    The alias in MLflow decides; while MLflow is down, what it decided last. A champion trained on
    other signals cannot read these embeddings and is passed over.

    Raises:
        RegistryUnavailable: the registry does not answer, and no champion is cached.
        CorruptedModel: the champion's files are not those that were registered.
    """
    champion = load_champion(registry)
    if not champion.stale:
        try:
            follow_registry(warehouse, registry)
        except RegistryUnavailable as error:  # it went down just now: the champion is loaded
            champion = champion._replace(stale=f"{error.what} after it had named the champion")
    if champion.head is None or champion.head.signals_version != signals_version:
        return TypeChampion(None, "", champion.stale)
    return champion
