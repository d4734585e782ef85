"""Frames of custom features: their columns. Light, as :mod:`imgassets.vision.schema` is."""

from __future__ import annotations

from typing import get_type_hints

import polars as pl

from imgassets.vision.record import Colour, CustomFeatures
from imgassets.vision.schema import FIELD_TYPES, Schema, outcome_schema

COLOUR = pl.Struct({name: FIELD_TYPES[kind] for name, kind in get_type_hints(Colour).items()})

FEATURES_SCHEMA: Schema = {
    "image_id": pl.String,
    "features_version": pl.String,
    **{
        name: pl.List(COLOUR) if name == "colours" else FIELD_TYPES[kind]
        for name, kind in get_type_hints(CustomFeatures).items()
    },
}
"""Columns of a frame of features: those of the table, without the partition's."""

FEATURES_OUTCOME_SCHEMA = outcome_schema(FEATURES_SCHEMA)
"""Columns of the operator's answer."""
