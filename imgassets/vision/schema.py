"""Frames of signals: their columns, and how outcomes part into signals and refusals.

Light on purpose: the code location reads it, and must not load the libraries that signals need.
"""

from __future__ import annotations

from typing import NamedTuple, get_type_hints

import polars as pl

from imgassets.vision.record import Signals

Schema = dict[str, pl.DataType | type[pl.DataType]]

FIELD_TYPES: dict[object, pl.DataType | type[pl.DataType]] = {
    str: pl.String,
    int: pl.Int32,
    float: pl.Float32,
    list[float]: pl.List(pl.Float32),
}
"""How a measured field is kept, by its type."""

SIGNALS_SCHEMA: Schema = {
    "image_id": pl.String,
    "signals_version": pl.String,
    **{name: FIELD_TYPES[kind] for name, kind in get_type_hints(Signals).items()},
    "embedding": pl.List(pl.Float32),
}
"""Columns of a frame of signals: those of the table, without the partition's."""

REFUSAL = ("rule_id", "measured", "limit", "detail")
"""Why an image was refused; ``imgassets.ingest.refusal`` says what each part is."""


def outcome_schema(signals: Schema) -> Schema:
    """Return the columns of an answer: signals where ``refusal`` is null, else that alone."""
    return {**signals, "refusal": pl.Struct(dict.fromkeys(REFUSAL, pl.String))}


OUTCOME_SCHEMA = outcome_schema(SIGNALS_SCHEMA)
"""Columns of an operator's answer."""


class SignalsResult(NamedTuple):
    """What became of a set of images, both frames sorted by ``image_id``."""

    signals: pl.DataFrame
    refused: pl.DataFrame


def split(outcomes: pl.DataFrame, signals: Schema = SIGNALS_SCHEMA) -> SignalsResult:
    """Part outcomes into signals (of these columns) and refusals, sorted by ``image_id``."""
    refused = pl.col("refusal").is_not_null()
    ordered = outcomes.sort("image_id")
    return SignalsResult(
        ordered.filter(~refused).select(list(signals)),
        ordered.filter(refused).select("image_id", "refusal").unnest("refusal"),
    )
