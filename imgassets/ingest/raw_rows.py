"""Rows of a file as text: which columns a kind of files has, and which rule a row breaks first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from imgassets.ingest.refusal import MAX_MEASURED

FAULT = pl.Struct({"rule_id": pl.String, "measured": pl.String, "limit": pl.String,
                   "detail": pl.String})  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """The columns of a kind of files; others are not read.

    Attributes:
        required: Without one of these a file is refused.
        columns: All of them, lower-case.
    """

    required: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def schema(self) -> pl.Schema:
        """A raw row: its values as text, or (in `raw`, with `fault`) the row that is no row."""
        texts = ((name, pl.String()) for name in (*self.columns, "raw"))
        return pl.Schema([*texts, ("fault", FAULT)])


def fault(rule_id: str, measured: pl.Expr, limit: str | pl.Expr, detail: str | pl.Expr) -> pl.Expr:
    """Return a broken rule as a value of type `FAULT`.

    Args:
        rule_id: The rule.
        measured: What was found; null reads "no value".
        limit: What the rule allows.
        detail: One sentence for a person.
    """
    return pl.struct(
        rule_id=pl.lit(rule_id),
        measured=measured.cast(pl.String).fill_null("no value").str.slice(0, MAX_MEASURED),
        limit=pl.lit(limit) if isinstance(limit, str) else limit,
        detail=pl.lit(detail) if isinstance(detail, str) else detail,
    )


def first_fault(rules: Sequence[tuple[pl.Expr, pl.Expr]]) -> pl.Expr:
    """Return the fault of the first rule that a row breaks, after the one that it has already.

    Args:
        rules: Whether a row breaks the rule, and the fault that this is.
    """
    found = pl.lit(None, FAULT)
    for broken, of_rule in reversed(rules):
        found = pl.when(broken).then(of_rule).otherwise(found)
    return pl.coalesce("fault", found)


def category_slugs(names: pl.Expr) -> pl.Expr:
    """Return categories' slugs as feeds get them: 'T-Shirts' becomes 't-shirts'; '' if none."""
    return (
        names.str.normalize("NFKD")
        .str.replace_all(r"\p{M}", "")
        .str.to_lowercase()
        .str.replace_all(r"[^a-z0-9]+", "-")
        .str.strip_chars("-")
    )
