"""Rows of the tables of causal impact for tests of what is shown: four cohorts, as of two days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from imgassets.warehouse.contracts import (
    CausalImpact,
    Contract,
    ImpactControls,
    ImpactPlacebos,
    ImpactSeries,
)
from imgassets.warehouse.impact_contracts import METRICS
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition

EARLIER, LATEST = dt.date(2026, 2, 2), dt.date(2026, 2, 18)
COHORT = dt.date(2026, 1, 5)
WEEKS = (1, 2, 3, 4, 6)
HOSTILE = "<script>alert(1)</script>"
"""A product's id among the notes, as a supplier may choose it."""

FADING = {1: 0.08, 2: 0.069, 3: 0.055, 4: 0.042, 6: 0.017}
LIFTS: dict[tuple[str, str], dict[int, float]] = {
    ("laptop", "add_to_cart"): FADING,
    ("laptop", "orders"): dict.fromkeys(WEEKS, 0.12),
    ("tablet", "add_to_cart"): dict.fromkeys(WEEKS, -0.06),
}
"""Relative effects; none of the other cells has one."""

DAILY = 200.0
HALF_WIDTH, SCALE = 0.03, 1.5


def write_impact(warehouse: Warehouse) -> None:
    """Write estimates of laptops and tablets as of two days, and a refusal of mugs."""
    for day in (EARLIER, LATEST):
        for category in ("laptop", "tablet"):
            _write(warehouse, day, category, _cells(day, category), with_series=True)
    refused = [_refused(metric, weeks) for metric in METRICS for weeks in WEEKS]
    _write(warehouse, LATEST, "mugs", refused, with_series=False)


def _write(
    warehouse: Warehouse,
    day: dt.date,
    category: str,
    cells: list[dict[str, Any]],
    with_series: bool,
) -> None:
    rows: dict[type[Contract], Sequence[dict[str, Any]]] = {
        CausalImpact: cells,
        ImpactSeries: _series(day, category) if with_series else [],
        ImpactControls: _controls(day, category) if with_series else [],
        ImpactPlacebos: _placebos(day, category) if with_series else [],
    }
    scope = frozenset({Partition(day, category)})
    replacements = [
        Replacement(contract, pl.DataFrame(given, schema=contract.create_empty().schema), scope)
        for contract, given in rows.items()
    ]
    warehouse.replace(replacements, CommitMessage("causal_impact"))


def _key(day: dt.date, category: str, metric: str) -> dict[str, Any]:
    return {"day": day, "category": category, "cohort": COHORT, "metric": metric}


def lift(category: str, metric: str, weeks: int) -> float:
    return LIFTS.get((category, metric), {}).get(weeks, 0.004)


def _cells(day: dt.date, category: str) -> list[dict[str, Any]]:
    return [_cell(day, category, metric, weeks) for metric in METRICS for weeks in WEEKS]


def _common(day: dt.date, category: str, metric: str, weeks: int) -> dict[str, Any]:
    return {
        **_key(day, category, metric), "horizon_weeks": weeks, "first_day": COHORT,
        "last_day": COHORT + dt.timedelta(days=7 * weeks - 1), "n_treated": 68, "n_control": 102,
        "n_control_series": 2, "pre_days": 118, "post_days": 7 * weeks, "n_placebos": 40,
        "reason": "", "notes": [f"2 products were left out: {HOSTILE}"],
        "model_version": "bsts-1", "rules_version": "rules-1",
    }  # fmt: skip


def _cell(day: dt.date, category: str, metric: str, weeks: int) -> dict[str, Any]:
    row = _common(day, category, metric, weeks)
    if row["last_day"] > day:
        return row | {
            "status": "not yet", "verdict": "not yet", "post_days": 0,
            "reason": f"ends on {row['last_day']}",
        }  # fmt: skip
    effect = lift(category, metric, weeks)
    predicted, wide = DAILY * 7 * weeks, HALF_WIDTH * SCALE
    told = "rise" if effect > wide else "fall" if effect < -wide else "no effect shown"
    p = 0.004 if told != "no effect shown" else 0.6
    bounds = {"": wide, "raw_": HALF_WIDTH}
    return row | {
        "status": "estimated", "verdict": told, "actual": predicted * (1 + effect),
        "predicted": predicted, "effect": predicted * effect, "effect_average": DAILY * effect,
        "relative_effect": effect, "placebo_scale": SCALE, "tail_probability": p / 2,
        "p_value": p, "q_value": min(1, 2 * p), "probability": 1 - p / 2,
        "raw_probability": 1 - p / 2, "pre_fit_mape": 0.06, "pre_fit_r2": 0.81,
        "residual_autocorrelation": 0.1, "sensitivity_low": effect - 0.01,
        "sensitivity_high": effect + 0.01,
        **{f"{stem}lower": effect - half for stem, half in bounds.items()},
        **{f"{stem}upper": effect + half for stem, half in bounds.items()},
        **{f"{stem}effect_lower": predicted * (effect - half) for stem, half in bounds.items()},
        **{f"{stem}effect_upper": predicted * (effect + half) for stem, half in bounds.items()},
    }  # fmt: skip


def _refused(metric: str, weeks: int) -> dict[str, Any]:
    return _common(LATEST, "mugs", metric, weeks) | {
        "status": "refused", "verdict": "refused", "n_treated": 3, "n_control_series": 0,
        "n_placebos": 0, "reason": "3 treated products, at least 5 are needed", "notes": [],
    }  # fmt: skip


def _series(day: dt.date, category: str) -> list[dict[str, Any]]:
    """A weekly rhythm with noise; a day before and a day after are missing."""
    random, rows = np.random.default_rng(0), []
    for metric in METRICS:
        for tau in range(-60, (day - COHORT).days + 1):
            expected = DAILY * (1 + 0.2 * (tau % 7 > 4))
            weeks = next((w for w in WEEKS if tau < 7 * w), WEEKS[-1])
            effect = expected * lift(category, metric, weeks) if tau >= 0 else 0.0
            seen = expected + effect + random.normal(0, 8)
            after = max(tau + 1, 0)
            rows.append(
                {
                    **_key(day, category, metric), "tau": tau,
                    "date": COHORT + dt.timedelta(days=tau),
                    "actual": None if tau in (-30, 20) else seen, "expected": expected,
                    "expected_lower": expected - 20, "expected_upper": expected + 20,
                    "cumulative_effect": after * effect if tau >= 0 else None,
                    "cumulative_lower": after * (effect - 6) if tau >= 0 else None,
                    "cumulative_upper": after * (effect + 6) if tau >= 0 else None,
                }
            )  # fmt: skip
    return rows


def _controls(day: dt.date, category: str) -> list[dict[str, Any]]:
    kept = {
        "products": ["a", "b"], "n_products": 2, "from_categories": [category], "correlation": 0.9,
        "level_ratio": 0.98, "trend_difference": 0.001, "weekday_distance": 0.02,
    }  # fmt: skip
    return [
        {
            **_key(day, category, metric), **kept, "control": control, "inclusion": inclusion,
            "reason": "kept: it moves like the treated",
        }
        for metric in METRICS
        for control, inclusion in (("c1", 0.3), ("c2", 0.97))
    ]  # fmt: skip


def _placebos(day: dt.date, category: str) -> list[dict[str, Any]]:
    """Ten of each kind and horizon: the raw interval misses three of them, the calibrated one."""
    rows = []
    for metric in METRICS:
        for weeks in (1, 2, 3):
            for kind in ("in time", "A/A"):
                for n, error in enumerate(np.linspace(-0.045, 0.05, 10)):
                    rows.append(
                        {
                            **_key(day, category, metric), "horizon_weeks": weeks, "kind": kind,
                            "placebo": n, "train_from": -118, "train_to": -7 * weeks - 1,
                            "predicted": 1000.0, "actual": 1000 * (1 + error),
                            "error_relative": error, "raw_sd": 15.0, "z": error / 0.015,
                            "covered_raw": bool(abs(error) < HALF_WIDTH),
                            "covered_calibrated": bool(abs(error) <= HALF_WIDTH * SCALE),
                        }
                    )  # fmt: skip
    return rows
