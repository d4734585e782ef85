"""Compliance of images, the models of flags, and the rounds of the loop."""

from typing import Any

import dagster as dg
import polars as pl

from imgassets.defs.conventions import (
    TRAINING,
    in_rectangles,
    model,
    outcome_of,
    output,
    table_from_outside,
)
from imgassets.defs.io_manager import AssetRows, SideRows
from imgassets.defs.partitions import ROUND, parse_round, run_partitions
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.moderation.compliance import quarantine_rows
from imgassets.operations.flags import (
    SIGNAL_COLUMNS,
    flags_of,
    told_values,
    train_flag_model,
)
from imgassets.operations.images import report_table
from imgassets.operations.quality import flag_images
from imgassets.operations.rounds import run_round
from imgassets.settings import Settings
from imgassets.warehouse.contracts import Quarantine
from imgassets.warehouse.lake import Warehouse

_ALL_PARTITIONS = dg.AllPartitionMapping()

flag_labels = table_from_outside(
    "flag_labels",
    "models",
    "People's yes or no to flags; `imgassets labels import FILE.csv` adds to them.",
)

review_answers = table_from_outside(
    "review_answers",
    "models",
    "What reviewers answered: on the review page, in CSV files, in Label Studio.",
    deps=["review_rounds"],
)


@dg.asset(
    **model("scikitlearn"),
    partitions_def=dg.StaticPartitionsDefinition(sorted(flags_of(Settings()))),
    deps=[
        "flag_labels",
        dg.AssetDep("image_signals", partition_mapping=_ALL_PARTITIONS),
    ],
    **TRAINING,
)
def flag_model(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
    store: dg.ResourceParam[ImageStore],
) -> dg.MaterializeResult:
    """One flag's classifier: approaches compete, evidence decides, the better one is champion."""
    done = train_flag_model(
        context.partition_key, warehouse, registry, store, settings, log_progress(context, "drawn")
    )
    return dg.MaterializeResult(
        metadata={
            **outcome_of(done),
            "approach": done.approach,
        }
    )


@dg.asset(
    **model("duckdb"),
    partitions_def=ROUND,
    deps=[
        "flag_labels",
        dg.AssetDep("image_signals", partition_mapping=_ALL_PARTITIONS),
    ],
    **TRAINING,
)
def review_rounds(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
    store: dg.ResourceParam[ImageStore],
) -> dg.MaterializeResult:
    """One round of the loop for one flag: train, scan the catalog, ask people, measure."""
    flag, number = parse_round(context.partition_key)
    done = run_round(
        flag, number, warehouse, registry, store, settings, log_progress(context, "drawn")
    )
    metadata: dict[str, Any] = {n: v for n, v in done.row.items() if v is not None}
    return dg.MaterializeResult(metadata={**metadata, "why": done.explanation})


@dg.multi_asset(
    outs={
        "compliance_flags": output(
            "selection",
            "Each flag that an image deserves, or may deserve: by models and people.",
            "mlflow",
        ),
        "flag_assessments": output(
            "selection",
            "Which flags were looked for at all; without a model: not assessed.",
        ),
    },
    ins={
        "image_signals": dg.AssetIn(metadata={"columns": ["day", "category", *SIGNAL_COLUMNS]}),
    },
    deps=[dg.AssetDep("flag_model", partition_mapping=_ALL_PARTITIONS)],
    **in_rectangles(),
)
def image_compliance(
    context: dg.AssetExecutionContext,
    aggregated_images: pl.DataFrame,
    image_signals: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
    store: dg.ResourceParam[ImageStore],
) -> tuple[AssetRows, AssetRows]:
    """Judge every image by every compliance flag that has a model; people overrule models."""
    cells = sorted((p.day, p.category) for p in run_partitions(context))
    told = told_values(warehouse)
    found, scores = flag_images(
        aggregated_images, image_signals, cells, told, registry, store, settings
    )
    return (
        AssetRows(
            found.flags,
            also=(
                SideRows(
                    Quarantine,
                    quarantine_rows(found, aggregated_images),
                    equals={"stage": "compliance"},
                ),
            ),
            metadata={
                "by_flag": report_table(found.flags, "flag"),
                "by_decision": report_table(found.flags, "decision"),
                "notes": "; ".join(scores.notes) or "none",
            },
        ),
        AssetRows(
            found.assessments,
            metadata={
                "assessed": ", ".join(f"{f} {v}" for f, v in scores.versions.items()) or "none",
                "not assessed": ", ".join(
                    f for f in flags_of(settings, "compliance") if f not in scores.versions
                )
                or "none",
            },
        ),
    )
