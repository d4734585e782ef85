"""Figures of search methods as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from imgassets.search.evaluation import ALL
from imgassets.search.measures import MAIN_MEASURE, MEASURES


def methods_table(
    rows: pl.DataFrame, *, part: str = ALL, measures: Sequence[str] = MEASURES, digits: int = 3
) -> pl.DataFrame:
    """Return a row per method and a column per measure: the mean and its 95 % interval.

    Args:
        rows: of contract ``SearchEvaluations``, of one model and data set.
        part: the slice.
        measures: the columns.
        digits: decimal places.

    Returns:
        ``method`` and a text per measure, in the methods' order.
    """
    of = rows.filter(slice=part).with_columns(text=_between("value", "lower", "upper", digits))
    wide = of.pivot("measure", index="method", values="text", aggregate_function="first")
    return wide.select("method", *(name for name in measures if name in wide.columns))


def differences_table(
    rows: pl.DataFrame, *, measures: Sequence[str] = (MAIN_MEASURE, "R@50"), digits: int = 3
) -> pl.DataFrame:
    """Return what each method gains or loses against the one that it is compared with.

    Args:
        rows: of contract ``SearchEvaluations``, of one model and data set.
        measures: those compared.
        digits: decimal places.

    Returns:
        ``method``, ``against``, ``slice``, ``n``, and per measure the difference with its paired
        95 % interval, and the p-value.
    """
    of = rows.filter(
        pl.col("against").is_not_null(), pl.col("measure").is_in(list(measures))
    ).with_columns(
        difference_text=_between(
            "difference", "difference_lower", "difference_upper", digits, signed=True
        ),
        p_text=pl.when(pl.col("p_value") < 0.001)
        .then(pl.lit("< 0.001"))
        .otherwise(pl.col("p_value").round(3).cast(pl.String))
        .fill_null("–"),
    )
    keys = ["method", "against", "slice"]
    found = of.group_by(keys, maintain_order=True).agg(pl.col("n").max())
    for name in (name for name in measures if name in set(of["measure"])):
        one = of.filter(measure=name).select(
            *keys,
            pl.col("difference_text").alias(name),
            pl.col("p_text").alias(f"p ({name})"),
        )
        found = found.join(one, on=keys, how="left", maintain_order="left")
    return found


def _between(name: str, lower: str, upper: str, digits: int, *, signed: bool = False) -> pl.Expr:
    """Return a figure with its interval as text; '–' where it is not defined."""
    shape = f"{{:{'+' if signed else ''}.{digits}f}}"

    def told(row: dict[str, float | None]) -> str:
        if row[name] is None:
            return "–"
        value = shape.format(row[name])
        if row[lower] is None or row[upper] is None:
            return value
        return f"{value} ({shape.format(row[lower])} … {shape.format(row[upper])})"

    return pl.struct(name, lower, upper).map_elements(told, return_dtype=pl.String)
