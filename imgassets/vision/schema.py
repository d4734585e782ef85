"""Frames of signals: their columns, and how outcomes part into signals and refusals.

Light on purpose: the code location reads it, and must not load the libraries that signals need.
"""

from __future__ import annotations

from typing import NamedTuple, get_type_hints

import polars as pl

from imgassets.vision.record import Signals

Schema = dict[str, pl.DataType | type[pl.DataType]]


_TYPES: dict[object, pl.DataType | type[pl.DataType]] = {
    str: pl.String,
    float: pl.Float32,
    list[float]: pl.List(pl.Float32),
}

SIGNALS_SCHEMA: Schema = {
    "image_id": pl.String,
    "signals_version": pl.String,
    **{name: _TYPES[kind] for name, kind in get_type_hints(Signals).items()},
    "embedding": pl.List(pl.Float32),
}
"""Columns of a frame of signals: those of the table, without the partition's."""

REFUSAL = ("rule_id", "measured", "limit", "detail")
"""Why an image was refused; ``imgassets.ingest.refusal`` says what each part is."""

OUTCOME_SCHEMA: Schema = {
    **SIGNALS_SCHEMA,
    "refusal": pl.Struct(dict.fromkeys(REFUSAL, pl.String)),
}
"""Columns of an operator's answer: signals where ``refusal`` is null, else the refusal alone."""


class SignalsResult(NamedTuple):
    """What became of a set of images, both frames sorted by ``image_id``."""

    signals: pl.DataFrame
    refused: pl.DataFrame


def split(outcomes: pl.DataFrame) -> SignalsResult:
    """Part outcomes into signals and refusals, each sorted by ``image_id``."""
    refused = pl.col("refusal").is_not_null()
    ordered = outcomes.sort("image_id")
    return SignalsResult(
        ordered.filter(~refused).select(list(SIGNALS_SCHEMA)),
        ordered.filter(refused).select("image_id", "refusal").unnest("refusal"),
    )
