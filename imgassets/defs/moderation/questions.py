"""Questions to people about a category's images: their types, and pairs that look the same."""

from collections.abc import Callable, Iterable

import dagster as dg

from imgassets.defs.conventions import by_category
from imgassets.operations.pair_questions import ask_pairs
from imgassets.operations.type_questions import ask_types
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

Ask = Callable[[Warehouse, str, Settings], int]
"""Asks about one category; returns the number of new questions."""


def _asset(
    name: str, description: str, ask: Ask, about: str, deps: Iterable[str] = ()
) -> dg.AssetsDefinition:
    """Return the asset that asks about what a table says of each category."""
    days = dg.MultiToSingleDimensionPartitionMapping("category")

    @dg.asset(
        name=name,
        description=description,
        deps=[*deps, dg.AssetDep(about, partition_mapping=days)],
        **by_category("models", "duckdb"),
    )
    def questions(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> dg.MaterializeResult:
        asked = {key: ask(warehouse, key, settings) for key in sorted(context.partition_keys)}
        return dg.MaterializeResult(
            metadata={"questions": sum(asked.values()), "by_category": asked}
        )

    return questions


type_questions = _asset(
    "type_questions",
    "Ask people for the types that the model is least sure of; they answer as to flags.",
    ask_types,
    "image_types",
    deps=["image_labels"],
)

pair_questions = _asset(
    "pair_questions",
    "Ask people about the pairs that the comparator is least sure of; they overrule it.",
    ask_pairs,
    "dedup_clusters",
)
