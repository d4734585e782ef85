"""The impact pages: what new image sets did, cell by cell, and what each answer rests on."""

from __future__ import annotations

import functools
from datetime import date
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Query, Response

from imgassets.impact.verdicts import ESTIMATED, FALL, NOT_YET, REFUSED, RISE, UNSOUND
from imgassets.operations.impact_results import (
    Cell,
    last_estimate,
    newest_cells,
    read_cell,
)
from imgassets.service.impact_charts import (
    Scale,
    around_zero,
    panels,
    percent_tick,
    spark,
    ticks,
    whisker,
)
from imgassets.service.rendering import page
from imgassets.service.reviews import Desk
from imgassets.warehouse.impact_contracts import METRICS, PLACEBO_KINDS
from imgassets.warehouse.lake import Warehouse

router = APIRouter(include_in_schema=False)

_PAGE = 60
"""Cells on one page."""

_WEEKS = 3
"""Horizon that is shown first: the one that paper A reports."""

_FOREST_WIDTH, _SPARK = 230.0, (120.0, 34.0)
"""Sizes of a row's small drawings, in drawing units."""

_WIDE = 700.0
"""Width of a cell's drawings of intervals."""

Text = Annotated[str, Query(max_length=200)]
Row = dict[str, Any]


@router.get("/impact")
def impact(
    desk: Desk,
    category: Text = "",
    metric: Text = "",
    cohort: Text = "",
    weeks: Annotated[int | None, Query(ge=1, le=520)] = None,
    day: Text = "",
    skip: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> Response:
    """List the cells with their effect, its interval, and how it goes on with the weeks."""
    try:
        until, since = _day(day), _day(cohort)
    except ValueError:
        return _trouble(400, "A day is written like 2026-01-08.")
    cells = _cells(desk.warehouse, last_estimate(desk.warehouse), until)
    if cells.is_empty():
        if until:
            return _trouble(404, f"Nothing had been estimated by {until}.")
        return page("impact_none.html.j2")
    asked = {"category": category or None, "metric": metric or None, "cohort": since}
    for name, value in asked.items():
        if value is not None and value not in cells[name]:
            return _trouble(404, f"There is no {name} '{value}' with estimates.")
    horizons = cells["horizon_weeks"].unique().sort().to_list()
    if weeks is None:
        weeks = min(horizons, key=lambda n: (abs(n - _WEEKS), n))
    elif weeks not in horizons:
        return _trouble(404, f"There is no horizon of {weeks} weeks.")
    chosen = cells.filter(pl.lit(True), **{k: v for k, v in asked.items() if v is not None})
    there = chosen.filter(horizon_weeks=weeks).sort(
        "category", "cohort", pl.col("metric").cast(pl.Enum(METRICS))
    )
    shown = there[skip : skip + _PAGE]
    return page(
        "impact.html.j2",
        rows=_rows(shown, chosen),
        axis=_axis(shown),
        counts=_counts(there.filter(pl.col("metric") != "impressions")),
        placebo=placebo_counts(there.filter(metric="impressions", status=ESTIMATED)),
        total=there.height,
        table=_over_time(chosen) if category else None,
        options={
            "category": cells["category"].unique().sort().to_list(),
            "metric": [name for name in METRICS if name in cells["metric"]],
            "cohort": cells["cohort"].unique().sort(descending=True).to_list(),
            "weeks": horizons,
        },
        chosen={
            "category": category,
            "metric": metric,
            "cohort": cohort,
            "weeks": weeks,
            "day": day,
        },
        newest=cells["day"].max(),
        skip=skip,
        next=skip + _PAGE if skip + _PAGE < there.height else None,
    )


@router.get("/impact/{category}/{cohort}/{metric}")
def cell(desk: Desk, category: str, cohort: str, metric: str, day: Text = "") -> Response:
    """Show a cell: its series, its horizons, its controls, its placebos."""
    try:
        until, since = _day(day), date.fromisoformat(cohort)
    except ValueError:
        return _trouble(400, "A day is written like 2026-01-08.")
    found = read_cell(desk.warehouse, category, since, metric, until)
    if found is None:
        return _trouble(
            404, f"There is no estimate of {metric} for '{category}' and sets live from {since}."
        )
    main = min(
        found.horizons,
        key=lambda row: (row["status"] != ESTIMATED, abs(row["horizon_weeks"] - _WEEKS)),
    )
    reach = _reach(found)
    return page(
        "impact_cell.html.j2",
        cell=found,
        main=main,
        tones={row["horizon_weeks"]: tone(row) for row in found.horizons},
        panels=panels(found.series) if found.series.height > 1 else [],
        reach=reach,
        marks=ticks(reach, 6, percent_tick),
        intervals=[
            (
                row["horizon_weeks"],
                whisker(reach, row, "raw_lower", "raw_upper", "relative_effect"),
                whisker(reach, row, "lower", "upper", "relative_effect"),
            )
            for row in found.horizons
        ],
        placebos=_placebos(found, reach),
        metrics=METRICS,
        day=day,
    )


def tone(row: Row) -> str:
    """Return the style of a cell's verdict: a rise, a fall, or neither."""
    return {RISE: "up", FALL: "down"}.get(row["verdict"], "level")


# What was read stays right until estimates change again.
@functools.lru_cache(maxsize=8)
def _cells(warehouse: Warehouse, written: int, until: date | None) -> pl.DataFrame:
    return newest_cells(warehouse, until)


def _rows(shown: pl.DataFrame, chosen: pl.DataFrame) -> list[Row]:
    """Return the rows of a page with their drawings."""
    key = ["category", "cohort", "metric"]
    horizons = chosen.join(shown.select(key), on=key, how="semi").partition_by(key, as_dict=True)
    scale = _scale(shown)
    return [
        {
            **row,
            "tone": tone(row),
            "whisker": whisker(scale, row, "lower", "upper", "relative_effect"),
            "spark": spark(
                horizons[row["category"], row["cohort"], row["metric"]].to_dicts(), *_SPARK, scale
            ),
        }
        for row in shown.to_dicts()
    ]


def _scale(shown: pl.DataFrame) -> Scale:
    return around_zero([*shown["lower"], *shown["upper"]], 4, _FOREST_WIDTH - 4, part=0.9)


def _axis(shown: pl.DataFrame) -> Row:
    """Return what the drawings of a page's rows share."""
    scale = _scale(shown)
    return {
        "width": _FOREST_WIDTH,
        "zero": scale(0),
        "spark": _SPARK,
        "ticks": ticks(scale, 4, percent_tick),
    }


def _counts(rows: pl.DataFrame) -> dict[str, int]:
    """Return how many cells rose, fell, were not told from none, or have no estimate."""
    tones = [tone(row) for row in rows.to_dicts()]
    statuses = rows["status"].to_list()
    up, down, estimated = tones.count("up"), tones.count("down"), statuses.count(ESTIMATED)
    return {
        "estimated": estimated,
        "up": up,
        "down": down,
        "level": estimated - up - down,
        "refused": statuses.count(REFUSED),
        "not yet": statuses.count(NOT_YET),
    }


def placebo_counts(impressions: pl.DataFrame) -> dict[str, int]:
    """Return how many comparisons there are, and in how many impressions stay as they must.

    Args:
        impressions: estimated cells of that metric, with their ``verdict``.
    """
    changed = impressions["verdict"].is_in([RISE, FALL, UNSOUND]).sum()
    return {"estimated": impressions.height, "holds": impressions.height - int(changed)}


def _over_time(chosen: pl.DataFrame) -> list[tuple[Row, dict[int, Row]]]:
    """Return a category's cells with their rows by weeks."""
    key = ["cohort", "metric"]
    return [
        (of_cell.row(0, named=True), {row["horizon_weeks"]: row for row in of_cell.to_dicts()})
        for of_cell in chosen.sort(
            "cohort", pl.col("metric").cast(pl.Enum(METRICS)), "horizon_weeks"
        ).partition_by(key, maintain_order=True)
    ]


def _reach(found: Cell) -> Scale:
    """Return the scale of a cell's relative effects, placebos' errors among them."""
    names = ("lower", "upper", "raw_lower", "raw_upper", "relative_effect")
    values = [row[name] for row in found.horizons for name in names]
    return around_zero([*values, *found.placebos["error_relative"]], 100, _WIDE - 12)


def _placebos(found: Cell, reach: Scale) -> list[Row]:
    """Return, for each horizon and kind of placebo, where they lie beside the estimate."""
    known = found.placebos.filter(pl.col("error_relative").is_finite()).sort(
        "horizon_weeks", pl.col("kind").cast(pl.Enum(PLACEBO_KINDS)), "placebo"
    )
    effects = {row["horizon_weeks"]: row["relative_effect"] for row in found.horizons}
    return [
        {
            "weeks": rows["horizon_weeks"][0],
            "kind": rows["kind"][0],
            "n": rows.height,
            "raw": rows["covered_raw"].mean(),
            "calibrated": rows["covered_calibrated"].mean(),
            "places": [reach(value) for value in rows["error_relative"]],
            "effect": None
            if (own := effects.get(rows["horizon_weeks"][0])) is None
            else reach(own),
        }
        for rows in known.partition_by("horizon_weeks", "kind", maintain_order=True)
    ]


def _day(text: str) -> date | None:
    return date.fromisoformat(text.strip()) if text.strip() else None


def _trouble(status: int, sentence: str) -> Response:
    return page("trouble.html.j2", status, sentence=sentence, links=[("All estimates", "/impact")])
