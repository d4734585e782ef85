"""Frames of review photos' signals: their columns. Light, as :mod:`imgassets.vision.schema` is."""

from __future__ import annotations

from typing import get_type_hints

import polars as pl

from imgassets.vision.record import PhotoMeasures, Signals
from imgassets.vision.schema import FIELD_TYPES, Schema, outcome_schema

PHOTO_FIELDS = tuple(name for name in PhotoMeasures._fields if name not in Signals._fields)
"""Measures of a photo that are no signals: what both have is measured once and kept once."""

_MEASURES = get_type_hints(PhotoMeasures)

PHOTO_SCHEMA: Schema = {
    "image_id": pl.String,
    "signals_version": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    **{name: FIELD_TYPES[kind] for name, kind in get_type_hints(Signals).items()},
    **{name: FIELD_TYPES[_MEASURES[name]] for name in PHOTO_FIELDS},
    "embedding": pl.List(pl.Float32),
    "nima": pl.List(pl.Float32),
}
"""Columns of a frame of photos' signals; width and height are the file's, EXIF turning applied."""

PHOTO_OUTCOME_SCHEMA = outcome_schema(PHOTO_SCHEMA)
"""Columns of the operator's answer."""
