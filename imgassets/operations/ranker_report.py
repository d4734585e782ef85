"""Figures of rankers as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from imgassets.learning.ranking.champion import MODEL
from imgassets.warehouse.contracts import RankingEvaluations
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote


def comparison_table(
    evaluations: pl.DataFrame, slices: Sequence[str] = (), digits: int = 3
) -> pl.DataFrame:
    """Return a row per part of the pairs and a column per method, both in the order measured.

    Args:
        evaluations: ``dataset``, ``slice``, ``method``, ``n``, ``value``, ``lower``, ``upper``.
        slices: only these parts; none: all of them.
        digits: decimal places.

    Returns:
        ``pairs`` (what they are), ``n`` and a text per method: the share in order, with the
        interval where the part is 'all'; '–' where a method has no answer.
    """
    rows = evaluations.filter(pl.col("slice").is_in(list(slices))) if slices else evaluations
    is_whole = (pl.col("slice") == "all") & pl.col("lower").is_not_null()
    shown = {
        name: pl.col(name).round(digits).cast(pl.String) for name in ("value", "lower", "upper")
    }
    plain = shown["value"].fill_null("–")
    spread = pl.format("{} ({} … {})", shown["value"], shown["lower"], shown["upper"])
    told = rows.with_columns(
        pairs=pl.when(pl.col("slice") == "all")
        .then("dataset")
        .otherwise(pl.col("dataset") + ": " + pl.col("slice")),
        text=pl.when(is_whole).then(spread).otherwise(plain),
    )
    counts = told.group_by("pairs", maintain_order=True).agg(pl.col("n").max())
    wide = told.pivot("method", index="pairs", values="text", aggregate_function="first")
    return counts.join(wide, on="pairs", how="left", maintain_order="left")


def kept_evaluations(warehouse: Warehouse, version: int) -> pl.DataFrame:
    """Return what was measured of a version of the ranker, from the warehouse."""
    name = quote(f"{MODEL}-{version}")
    return warehouse.read(RankingEvaluations, where=f"model_version = {name}")


def markdown(frame: pl.DataFrame) -> str:
    """Return a frame as a Markdown table."""
    lines = [frame.columns, ["---"] * frame.width]
    lines += [["" if value is None else str(value) for value in row] for row in frame.iter_rows()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
