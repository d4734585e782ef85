"""Bringing labels of products' attributes into the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl

from imgassets.learning.labels import read_attribute_labels
from imgassets.search.attributes import load_lexicon
from imgassets.settings import Settings
from imgassets.warehouse.contracts import AttributeLabels
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse


class Imported(NamedTuple):
    """What a file gave.

    Attributes:
        given: labels of the file.
        total: labels of all files.
        attributes: the file's attributes, sorted.
    """

    given: int
    total: int
    attributes: tuple[str, ...]


def import_attribute_labels(warehouse: Warehouse, settings: Settings, path: Path) -> Imported:
    """Add a file's labels, replacing those of the same products and attributes; all or none.

    Args:
        warehouse: the warehouse.
        settings: name the lexicon that values are spelt by.
        path: see :func:`imgassets.learning.labels.read_attribute_labels`.

    Raises:
        ValueError: the file cannot be read, or a row of it is bad; nothing is written.
    """
    given = read_attribute_labels(path, load_lexicon(settings.search.attributes))
    warehouse.initialise()
    key = AttributeLabels.primary_key()
    kept = warehouse.read(AttributeLabels).join(given, on=key, how="anti")
    merged = pl.concat([kept, given]).sort(key)
    warehouse.replace(
        [Replacement(AttributeLabels, merged)], CommitMessage(asset=f"attribute labels {path.name}")
    )
    return Imported(given.height, merged.height, tuple(given["attribute"].unique().sort()))
