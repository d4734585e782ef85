"""Models of image types: labels meet signals, evidence decides, the warehouse remembers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.registered import RegistryUnavailable
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_scopes import GLOBAL, MODEL, Scope, chain, in_scope, verticals_of
from imgassets.learning.versions import model_versions
from imgassets.operations.categories import category_types
from imgassets.operations.pixels import load_squares
from imgassets.operations.reviews import known_types
from imgassets.settings import Settings
from imgassets.vision.backbones import input_of, signals_version
from imgassets.warehouse.contract import NONE
from imgassets.warehouse.contracts import ImageLabels, ModelVersions
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import quote

if TYPE_CHECKING:
    from imgassets.learning.image_types import TrainingReport
    from imgassets.learning.type_approaches import Squares
    from imgassets.learning.type_models import TypeModels


class TrainingError(RuntimeError):
    """A model cannot be trained; the message says what is missing."""


def open_registry(settings: Settings) -> ModelRegistry:
    """Return the model registry that the settings name."""
    folder = settings.home / "mlflow"
    return ModelRegistry(
        settings.mlflow_tracking_uri, folder / "artifacts", cache=folder / "champions"
    )


class Labels(NamedTuple):
    """What people said of types, where the images have signals.

    Attributes:
        rows: (product_id, image_id, category, image_type, group_id, embedding), one row per
            (product_id, image_id), sorted.
        notes: what was left out and why.
    """

    rows: pl.DataFrame
    notes: list[str]


def _with_embeddings(
    known: pl.DataFrame, categories: pl.DataFrame, warehouse: Warehouse, version: str
) -> Labels:
    """Return those of the known types whose image has signals at ``version``.

    A type that is not in its category's list teaches nothing: the list says what the category's
    images can be.
    """
    rows = warehouse.sql(
        f"""
        SELECT DISTINCT ON (k.product_id, k.image_id)
            k.product_id, k.image_id, k.category, k.image_type, k.group_id, s.embedding
        FROM known AS k
        JOIN image_signals AS s USING (image_id)
        WHERE s.signals_version = {quote(version)}
        ORDER BY k.product_id, k.image_id, s.day, s.category
        """,
        known=known,
    )
    lists = categories.select("category", "types")
    listed = rows.join(lists, on="category", how="left").with_columns(
        allowed=pl.col("types").is_null()
        | (pl.col("types").list.len() == 0)
        | (pl.col("image_type") == NONE)
        | pl.col("image_type").is_in(pl.col("types"))
    )
    outside = listed.filter(~pl.col("allowed")).group_by("category", "image_type").len()
    notes = [
        f"left out {n} images labelled '{name}': {category} has no such type"
        for category, name, n in outside.sort("category", "image_type").iter_rows()
    ]
    return Labels(listed.filter("allowed").drop("types", "allowed"), notes)


def trainable_scopes(warehouse: Warehouse, settings: Settings) -> list[Scope]:
    """Return the scopes with labels enough for a model of their own: all, verticals, categories."""
    counts = _label_counts(warehouse)
    wanted = [
        *(Scope("vertical", vertical) for vertical in sorted(counts.of_vertical)),
        *(Scope("category", category) for category in sorted(counts.of_category)),
    ]
    return [GLOBAL, *(scope for scope in wanted if not _why_too_few(scope, counts, settings))]


def why_untrainable(scope: Scope, warehouse: Warehouse, settings: Settings) -> str:
    """Say why a scope is not given a model of its own; nothing if it is."""
    return _why_too_few(scope, _label_counts(warehouse), settings)


class _LabelCounts(NamedTuple):
    """Numbers of labelled images by category and by vertical."""

    of_category: dict[str, int]
    of_vertical: dict[str, int]


def _why_too_few(scope: Scope, counts: _LabelCounts, settings: Settings) -> str:
    if scope.kind == "global":
        return ""
    least, every = settings.types.min_labels, sum(counts.of_category.values())
    of = counts.of_category if scope.kind == "category" else counts.of_vertical
    found = of.get(scope.name, 0)
    if found < least:
        return f"{scope} has {found} labels, {least} are needed (types.min_labels)"
    if scope.kind == "vertical" and found == every:
        return f"{scope} has all labels there are: the model of all categories is its own"
    return ""


def _label_counts(warehouse: Warehouse) -> _LabelCounts:
    of_category = dict(known_types(warehouse).group_by("category").len().iter_rows())
    verticals = verticals_of(category_types(warehouse))
    of_vertical: dict[str, int] = {}
    for category, n in of_category.items():
        if vertical := verticals.get(category):
            of_vertical[vertical] = of_vertical.get(vertical, 0) + n
    return _LabelCounts(of_category, of_vertical)


def train_scope(
    scope: Scope,
    warehouse: Warehouse,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
) -> TrainingReport:
    """Train a scope's model of types, promote it if it beats what answers, record the outcome.

    Raises:
        TrainingError: there are too few labels of the scope, or none of the labelled images has
            signals yet.
        RegistryUnavailable: the registry does not answer.
    """
    from imgassets.learning.image_types import train_types

    version = signals_version(settings.vision)
    labels = labels_of(scope, warehouse, settings)
    try:
        report = train_types(
            scope,
            labels.rows,
            registry,
            settings,
            snapshot_id=warehouse.snapshot_id(),
            signals_version=version,
            wider=_wider(scope, warehouse),
            squares=squares_of(store, settings),
        )
    except ValueError as error:
        raise TrainingError(f"no model of {scope} can be trained: {error}") from error
    follow_registry(warehouse, registry)
    return replace(report, notes=(*labels.notes, *report.notes))


def labels_of(scope: Scope, warehouse: Warehouse, settings: Settings) -> Labels:
    """Return a scope's labelled images with embeddings.

    Raises:
        TrainingError: there are none; the message says what to do.
    """
    warehouse.initialise()
    categories = category_types(warehouse)
    told = in_scope(known_types(warehouse), scope, categories)
    of = "" if scope == GLOBAL else f" of {scope}"
    if told.is_empty():
        raise TrainingError(f"no labels{of} yet: run `imgassets labels import FILE.csv`")
    version = signals_version(settings.vision)
    found = _with_embeddings(told, categories, warehouse, version)
    if found.rows.is_empty():
        raise TrainingError(
            f"none of the {told.height} labelled images{of} has signals of version {version}: run "
            "`imgassets backfill` first"
        )
    return found


def squares_of(store: ImageStore, settings: Settings) -> Squares:
    """Return what loads the backbone's inputs of frames with a column ``image_id``."""

    def squares(images: pl.DataFrame):  # type: ignore[no-untyped-def]  # noqa: ANN202
        spec = input_of(settings.vision)
        return load_squares(images["image_id"].to_list(), store.get, settings.vision, spec)

    return squares


def _wider(scope: Scope, warehouse: Warehouse) -> Sequence[Scope]:
    """Return the scopes that answer in a scope's place, the closest first."""
    if scope.kind != "category":
        return [GLOBAL] if scope.kind == "vertical" else []
    _, *wider = chain(scope.name, verticals_of(category_types(warehouse)).get(scope.name))
    return wider


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


def type_champions(
    registry: ModelRegistry, categories: pl.DataFrame, wanted: Iterable[str], settings: Settings
) -> TypeModels:
    """Return the champions that type the images of some categories, as the registry names them.

    Args:
        registry: where they are.
        categories: as :func:`imgassets.operations.categories.category_types` returns them.
        wanted: the categories.
        settings: the backbone.

    Raises:
        RegistryUnavailable: the registry does not answer, and no champion is cached.
        CorruptedModel: a champion's files are not those that were registered.
    """
    from imgassets.learning.type_models import load_type_models

    version = signals_version(settings.vision)
    return load_type_models(registry, categories, wanted, version, settings.vision.device)


def answering_models(
    registry: ModelRegistry, warehouse: Warehouse, wanted: Iterable[str], settings: Settings
) -> TypeModels:
    """Return the champions that type the images of some categories.

    The alias in MLflow decides; while MLflow is down, what it decided last. A champion trained on
    other signals cannot read these embeddings and is passed over.

    Raises:
        RegistryUnavailable: the registry does not answer, and no champion is cached.
        CorruptedModel: a champion's files are not those that were registered.
    """
    models = type_champions(registry, category_types(warehouse), wanted, settings)
    try:
        follow_registry(warehouse, registry)
    except RegistryUnavailable as error:
        if not models.notes:  # it went down just now: the champions are loaded
            return replace(models, notes=(f"{error.what} after it had named the champions",))
    return models
