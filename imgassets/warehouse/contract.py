"""What all table contracts share: the base class, keys of partitions, and common patterns.

A contract is a dataframely schema. Its docstring's first line is the table's comment, each column's
``description`` the column's comment. ``primary_key`` marks the key: DuckLake has no constraints, so
keys are checked before a write (:meth:`Contract.validate`) and again by Dagster asset checks.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

IMAGE_ID = r"^[0-9a-f]{64}$"
HASH64 = r"^[0-9a-f]{16}$"
NONE, UNSURE, UNTYPED = "none", "unsure", "untyped"
"""What a column of image types may say beside the types of `categories.toml`: the image shows no
view of the product; people are asked; no model answers."""

CATEGORY = r"^[a-z0-9][a-z0-9-]*$"
ATTRIBUTE = r"^[a-z][a-z0-9_]*$"
"""Names of products' attributes, such as 'sleeve_length'."""

MODES = ("rgb", "rgba", "gray", "gray_alpha", "palette", "cmyk", "other")
"""Layouts of pixels that a file can declare."""


class Contract(dy.Schema):
    """Base of all table contracts."""

    @classmethod
    def table_name(cls) -> str:
        """Return the table's name in the warehouse, e.g. ``supplier_offers``."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")

    @classmethod
    def comment(cls) -> str:
        """Return the table's one-line comment."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def column_comments(cls) -> dict[str, str]:
        """Return each column's comment by name."""
        return {name: getattr(cls, name).description or "" for name in cls.column_names()}

    @classmethod
    def partitioning(cls) -> tuple[str, ...]:
        """Return the SQL expressions whose values name a row's partition; small tables have none.

        Tables with ``day`` and ``category`` are partitioned by them, unless they say otherwise.
        """
        names = tuple(cls.column_names()[:2])
        return names if names == ("day", "category") else ()

    @classmethod
    def conform(cls, frame: pl.DataFrame) -> pl.DataFrame:
        """Select this contract's columns in order, cast, and validate them.

        Raises:
            dataframely.exc.ValidationError: a key repeats or a value breaks a rule; the message
                counts the offending rows per rule.
        """
        return cls.validate(frame.select(cls.column_names()), cast=True)


class Partitioned(Contract):
    """Base of tables whose partitions are (day, category)."""

    day = dy.Date(primary_key=True, description="Day of the feed that changed the product.")
    category = dy.String(
        primary_key=True, regex=CATEGORY, description="Product category, as a slug."
    )
