"""image_features: what people could say of each image, measured without any network."""

from typing import Any

import polars as pl

from imgassets.defs.measuring import measured_asset
from imgassets.operations.image_features import collect_features, infer_features, plan_features
from imgassets.operations.images import report_table
from imgassets.operations.signals import Measured


def _report(measured: Measured) -> dict[str, Any]:
    leading = measured.signals.select(colour=pl.col("colours").list.first().struct.field("name"))
    return {
        "by_box_source": report_table(measured.signals, "box_source"),
        "by_colour": report_table(leading, "colour"),
    }


image_features = measured_asset(
    "image_features",
    "Where each image's object is, its dominant colours by name, and its texture.\n\n"
    "Pixels are read a second time, by those who search alone: no network runs, and what was "
    "measured once is never measured again.",
    group="search",
    kinds=("opencv",),
    source="image_signals",
    columns=["day", "category", "image_id"],
    stage="image_features",
    plan=plan_features,
    infer=infer_features,
    collect=collect_features,
    step={},
    report=_report,
)
