"""A small market whose truth is known: products that share their category's movements."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

FIRST_DAY = date(2025, 9, 1)
LIVE = date(2025, 12, 1)
"""A Monday, so that the week's cohort starts on it."""

SHARES = {"impressions": 200.0, "clicks": 20.0, "add_to_cart": 5.0, "orders": 2.0}


def products(category: str, treated: int = 20, untreated: int = 30) -> list[tuple[str, bool]]:
    return [(f"{category}-t{i:03d}", True) for i in range(treated)] + [
        (f"{category}-u{i:03d}", False) for i in range(untreated)
    ]


def engagement(
    category: str = "tees",
    *,
    treated: int = 20,
    untreated: int = 30,
    days: int = 133,
    lift: float = 0.0,
    seed: int = 1,
) -> pl.DataFrame:
    """Rows of contract ``EngagementDaily``; `lift` moves all but impressions from `LIVE` on."""
    rng = np.random.default_rng((seed, len(category), sum(category.encode())))
    time = np.arange(days)
    shared = np.exp(
        0.2 * np.sin(time / 15.0) + 0.1 * np.isin(time % 7, (5, 6)) + 0.05 * rng.normal(size=days)
    )
    after = np.array([FIRST_DAY + timedelta(days=int(t)) >= LIVE for t in time])
    parts = []
    for product, is_treated in products(category, treated, untreated):
        size = rng.lognormal(0.0, 0.4)
        figures = {}
        for metric, usual in SHARES.items():
            raised = 1.0 + lift * (after & is_treated & (metric != "impressions"))
            figures[metric] = rng.poisson(usual * size * shared * raised)
        parts.append(
            pl.DataFrame(
                {
                    "day": [FIRST_DAY + timedelta(days=int(t)) for t in time],
                    "category": category,
                    "product_id": product,
                    **figures,
                    "feed_file": "made.csv",
                }
            )
        )
    return pl.concat(parts)


def interventions(
    category: str = "tees", treated: int = 20, day: date = LIVE, source: str = "feed"
) -> pl.DataFrame:
    """Rows of contract ``Interventions``: all treated products on one day."""
    names = [name for name, is_treated in products(category, treated, 0) if is_treated]
    return pl.DataFrame(
        {
            "day": [day] * len(names),
            "category": category,
            "product_id": names,
            "source": source,
            "detail": "made.csv",
        },
        schema_overrides={"day": pl.Date},
    )
