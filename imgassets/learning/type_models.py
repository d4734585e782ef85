"""Answering: every image gets a type, and its row says who decided.

People's own word comes first, then a type that every category shares (a lifestyle picture, a
composite of views, a size chart), then the closest model of views: the category's, its vertical's,
or the one of all categories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.champions import load_champions
from imgassets.learning.features import embedding_matrix
from imgassets.learning.image_types import load_model
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_approaches import AnyTypeModel, Squares
from imgassets.learning.type_block import TypeBlock
from imgassets.learning.type_scopes import GLOBAL, Scope, chain, verticals_of
from imgassets.settings import TypeSettings
from imgassets.warehouse.contract import NONE, UNSURE, UNTYPED
from imgassets.warehouse.contracts import ImageTypes

PEOPLE = "people"

_IMAGE = ["day", "category", "product_id", "image_id"]


@dataclass(frozen=True)
class TypeModels:
    """The champions that can answer.

    Attributes:
        by_scope: scope to model and version, of those that read the present signals.
        categories: `category`, `vertical` (null: none) and `types` (empty: any), one row each.
        notes: what a person should know: a registry that is down, a champion that does not fit.
    """

    by_scope: Mapping[Scope, tuple[AnyTypeModel, str]] = field(default_factory=dict)
    categories: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(
            schema={"category": pl.String, "vertical": pl.String, "types": pl.List(pl.String)}
        )
    )
    notes: tuple[str, ...] = ()

    def types_of(self, category: str) -> frozenset[str]:
        """Return the types that a category's images may have; nothing if that is not known."""
        found = self.categories.filter(pl.col("category") == category)["types"].to_list()
        return frozenset(found[0]) if found else frozenset()

    def answering(self, category: str) -> tuple[Scope, AnyTypeModel, str] | None:
        """Return the closest scope that can answer for a category, its model and version."""
        types = self.types_of(category)
        for scope in chain(category, verticals_of(self.categories).get(category)):
            if scope in self.by_scope:
                model, version = self.by_scope[scope]
                if not types or types & set(model.classes):
                    return scope, model, version
        return None


def load_type_models(
    registry: ModelRegistry,
    categories: pl.DataFrame,
    wanted: Iterable[str],
    signals_version: str,
    device: str = "auto",
) -> TypeModels:
    """Load the champions that may answer for some categories.

    Args:
        registry: where they are; while it is down, those that it named last answer.
        categories: `category`, `vertical`, `types`.
        wanted: the categories.
        signals_version: what made the embeddings; champions of others are passed over.
        device: where a retrained block computes.

    Raises:
        RegistryUnavailable: the registry does not answer, and no champion is cached.
        CorruptedModel: a champion's files are not those that were registered.
    """
    verticals = verticals_of(categories)
    scopes = {
        scope.model: scope
        for category in sorted(set(wanted))
        for scope in chain(category, verticals.get(category))
    }
    champions, notes = load_champions(registry, scopes)
    if GLOBAL.model not in champions:
        # Images must not lose their types because the registry is down: then this raises.
        registry.load_champion(GLOBAL.model)
    by_scope: dict[Scope, tuple[AnyTypeModel, str]] = {}
    for name, served in champions.items():
        made_for = served.version.tags.get("signals_version", "")
        if made_for != signals_version:
            notes.append(
                f"{name} version {served.version.version} reads signals '{made_for}', not "
                f"'{signals_version}': passed over, train it again"
            )
            continue
        by_scope[scopes[name]] = load_model(served.folder, device), str(served.version.version)
    return TypeModels(by_scope, categories, tuple(notes))


def predict_types(
    images: pl.DataFrame,
    models: TypeModels,
    settings: TypeSettings,
    *,
    told: pl.DataFrame | None = None,
    shared: pl.DataFrame | None = None,
    squares: Squares | None = None,
) -> pl.DataFrame:
    """Type images.

    Args:
        images: `day`, `category`, `product_id`, `image_id` and `embedding` (list of d floats).
        models: the champions; where none can answer, an image is 'untyped' with probability 0
            (nothing was estimated) and `approach` says so too.
        settings: limits. 'none' needs `min_none_probability`, else the best view stands; an answer
            below `min_probability` becomes 'unsure' and keeps its probability and best guess.
        told: `product_id`, `image_id`, `image_type`: what people said; it stands.
        shared: types that every category shares, as
            :func:`imgassets.learning.shared_types.shared_types` returns them.
        squares: loads the backbone's inputs; needed where a champion is a retrained block.

    Returns:
        Frame in contract `ImageTypes`, one row per row of `images`, in their order.

    Raises:
        ValueError: the embeddings are not of the length a model takes.
    """
    placed = images.with_row_index("place")
    parts = [
        _of_category(part, str(category), models, settings, squares)
        for (category,), part in placed.group_by("category", maintain_order=True)
    ]
    if not parts:
        return ImageTypes.create_empty()
    found = pl.concat(parts).sort("place")
    if shared is not None and not shared.is_empty():
        columns = shared.with_columns(
            approach=pl.lit("flag_head"), answered_by=pl.format("shared {}", "image_type")
        )
        found = _overruled(found, columns, ["day", "category", "image_id"])
    if told is not None and not told.is_empty():
        said = told.select(
            "product_id",
            "image_id",
            "image_type",
            probability=pl.lit(1.0, pl.Float32),
            approach=pl.lit(PEOPLE),
            model_version=pl.lit(""),
            answered_by=pl.lit(PEOPLE),
        )
        found = _overruled(found, said, ["product_id", "image_id"])
    return ImageTypes.conform(found.drop("place"))


def _of_category(
    images: pl.DataFrame,
    category: str,
    models: TypeModels,
    settings: TypeSettings,
    squares: Squares | None,
) -> pl.DataFrame:
    """Return rows of one category as its closest model types them, with their `place`."""
    keys = images.select("place", *_IMAGE)
    found = models.answering(category)
    if found is None:
        return keys.with_columns(
            image_type=pl.lit(UNTYPED),
            probability=pl.lit(0.0, pl.Float32),
            approach=pl.lit(UNTYPED),
            model_version=pl.lit(""),
            answered_by=pl.lit(""),
            best_guess=pl.lit(None, pl.String),
        )
    scope, model, version = found
    if isinstance(model, TypeBlock):
        if squares is None:
            raise ValueError(f"the model of {scope} reads pixels: it cannot answer from embeddings")
        p = model.predict_proba(squares(images))
    else:
        p = model.predict_proba(embedding_matrix(images), images["category"].to_list())
    classes, p = _restricted(model.classes, p, models.types_of(category))
    best, probability = _best(classes, p, settings.min_none_probability)
    guess = np.array(classes)[best]
    answer = np.where(probability < settings.min_probability, UNSURE, guess)
    return keys.with_columns(
        image_type=pl.Series(answer, dtype=pl.String),
        probability=pl.Series(probability, dtype=pl.Float32).clip(0, 1),
        approach=pl.lit(model.approach),
        model_version=pl.lit(version),
        answered_by=pl.lit(str(scope)),
        best_guess=pl.Series(guess, dtype=pl.String),
    )


def _restricted(
    classes: tuple[str, ...], p: NDArray[np.float32], types: frozenset[str]
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Leave out the classes that a category does not have; the others share their probability."""
    kept = [i for i, name in enumerate(classes) if not types or name == NONE or name in types]
    some = p[:, kept]
    total = some.sum(axis=1, keepdims=True)
    even = np.full_like(some, 1 / len(kept))
    return tuple(classes[i] for i in kept), np.where(
        total > 0, some / np.maximum(total, 1e-12), even
    )


def _best(
    classes: tuple[str, ...], p: NDArray[np.float32], min_none: float
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return each row's answer and its probability; 'none' needs `min_none`."""
    is_none = np.array([name == NONE for name in classes])
    best = np.where(is_none, -1.0, p).argmax(axis=1)
    if is_none.any():
        none = int(is_none.argmax())
        best = np.where(p[:, none] >= min_none, none, best)
    return best, p[np.arange(len(p)), best]


def _overruled(found: pl.DataFrame, by: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Replace the answers of the rows that `by` names; their best guess stays."""
    columns = [name for name in by.columns if name not in key]
    joined = found.join(by, on=key, how="left", suffix="_by", maintain_order="left")
    return joined.with_columns(
        pl.coalesce(f"{name}_by", name).alias(name) for name in columns
    ).drop(f"{name}_by" for name in columns)
