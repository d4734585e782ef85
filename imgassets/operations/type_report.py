"""The report of how well categories are typed, kept in the warehouse."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from imgassets.learning.registry import ModelRegistry
from imgassets.operations.models import TrainingError, answering_models
from imgassets.operations.reviews import known_types
from imgassets.settings import Settings
from imgassets.warehouse.contracts import TypeAccuracy
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse


class TypeReport(NamedTuple):
    """How well categories are typed.

    Attributes:
        by_vertical: rows of the view ``vertical_accuracy``.
        by_category: rows of the table ``type_accuracy``.
        plot: both as a PNG.
    """

    by_vertical: pl.DataFrame
    by_category: pl.DataFrame
    plot: bytes


def report_types(warehouse: Warehouse, registry: ModelRegistry, settings: Settings) -> TypeReport:
    """Measure the categories' types by what answers now, and write ``type_accuracy`` anew.

    Raises:
        TrainingError: no model was measured on any label yet.
        RegistryUnavailable: the registry does not answer, and no champion is cached.
    """
    from imgassets.learning.type_report import accuracy_by_category, accuracy_plot

    warehouse.initialise()
    categories = known_types(warehouse)["category"].unique().sort().to_list()
    models = answering_models(registry, warehouse, categories, settings)
    rows = accuracy_by_category(registry, models)
    if rows.is_empty():
        raise TrainingError(
            "no model of image types answers for any category with labels: run `imgassets train`"
        )
    warehouse.replace([Replacement(TypeAccuracy, rows)], CommitMessage(asset="type_accuracy"))
    by_vertical = warehouse.sql("FROM vertical_accuracy")
    return TypeReport(by_vertical, rows, accuracy_plot(by_vertical, rows))
