"""Simulated engagement with the sample's products, and when their new image sets went live.

A few dozen products are too few to estimate anything from. Each category gets simulated ones beside
them, with ids ``sim-…`` and no images: some with a new image set in the same week, more without.
Counts are a funnel of negative binomials: impressions, of which some are clicks, and so on. What
treated and untreated products of a category share (weekday, trend, Christmas, a sale after the new
sets, slow shocks) is what a comparison must see through; impressions are never lifted.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.sample.plan import DAYS

METRICS = ("impressions", "clicks", "add_to_cart", "orders")

PRE_DAYS, POST_DAYS = 120, 44
"""Days simulated before the first new set, and from that day on."""

FIRST_LIVE = dt.date.fromisoformat(DAYS[0])

TREATED_TWINS, UNTREATED_TWINS = 44, 70
"""Simulated products of each category."""

LIFTS: dict[str, tuple[float, float, float]] = {
    "tablet": (0.2, 0.2, 0.2),
    "backpack": (0.12, 0.12, 0.12),
    "t-shirt": (0.16, 0.07, 0.01),
    "laptop": (0.0, 0.0, 0.0),
}
"""True relative lift of add_to_cart in weeks 1-2, 3-4, and from week 5 on, by category."""

_LIFT_OF = {"clicks": 0.5, "add_to_cart": 1.0, "orders": 1.4}
"""Lift of each metric in lifts of add_to_cart; what is put into a cart is more often bought."""

_RATES = {"clicks": 0.06, "add_to_cart": 0.22, "orders": 0.3}
"""Mean share of the step before."""

_DISPERSION = 25.0
"""Shape of the gamma that makes Poisson counts overdispersed."""


@dataclass(frozen=True)
class SampleEngagement:
    """Where the files are, and how much they hold.

    Attributes:
        engagement: Parquet of product_id, category, day and the four counts.
        interventions: CSV of product_id, category, treated, intervention_date.
        truth: CSV of the true lifts by category, metric and days since the intervention.
        last_day: Last day with counts.
        n_rows: Rows of the engagement.
    """

    engagement: Path
    interventions: Path
    truth: Path
    last_day: dt.date
    n_rows: int


def write_sample_engagement(
    folder: Path, live: Mapping[tuple[str, str], dt.date], seed: int = 0
) -> SampleEngagement:
    """Simulate and write engagement, interventions and the truth about them.

    Args:
        folder: Where to write; created if missing.
        live: When the new set of each (category, product_id) of the catalog went live.
        seed: Equal seeds give equal files.
    """
    categories = sorted({category for category, _ in live})
    counts, dates = [], []
    for number, category in enumerate(categories):
        random = np.random.default_rng([seed, 43, number])
        own = {product: day for (of, product), day in sorted(live.items()) if of == category}
        products = _with_twins(category, own, random)
        counts.append(_simulate(category, products, random))
        dates += [(product, category, day) for product, day in products.items()]
    rows = pl.concat(counts)
    interventions = pl.DataFrame(
        dates,
        schema={"product_id": pl.String, "category": pl.String, "intervention_date": pl.Date},
        orient="row",
    ).select(
        "product_id", "category", pl.col("intervention_date").is_not_null().alias("treated"),
        "intervention_date",
    )  # fmt: skip
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    found = SampleEngagement(
        engagement=folder / "engagement.parquet",
        interventions=folder / "interventions.csv",
        truth=folder / "truth" / "lifts.csv",
        last_day=FIRST_LIVE + dt.timedelta(days=POST_DAYS - 1),
        n_rows=rows.height,
    )
    rows.write_parquet(found.engagement)
    interventions.write_csv(found.interventions)
    _lifts(categories).write_csv(found.truth)
    return found


def _with_twins(
    category: str, own: Mapping[str, dt.date], random: np.random.Generator
) -> dict[str, dt.date | None]:
    """Return all products of a category with the day of their new set; None: untreated."""
    products: dict[str, dt.date | None] = dict(own)
    for n in range(TREATED_TWINS + UNTREATED_TWINS):
        late = dt.timedelta(days=int(random.integers(len(DAYS))))
        products[f"sim-{category}-{n + 1:03}"] = FIRST_LIVE + late if n < TREATED_TWINS else None
    return products


def _simulate(
    category: str, products: Mapping[str, dt.date | None], random: np.random.Generator
) -> pl.DataFrame:
    """Return the counts of a category, one row per product and day; a few rows are missing."""
    n, days = len(products), PRE_DAYS + POST_DAYS
    first = FIRST_LIVE - dt.timedelta(days=PRE_DAYS)
    calendar = [first + dt.timedelta(days=day) for day in range(days)]
    since = np.array(
        [[-1 if day is None else (today - day).days for today in calendar]
         for day in products.values()]
    )  # fmt: skip
    lift = _lift_at(category, since)
    drift = np.cumsum(random.normal(0, 0.004, (n, days)), axis=1)
    rate = random.lognormal(6.6, 0.45, n)[:, None] * _shared(calendar, random) * np.exp(drift)
    counts = {"impressions": _draw(rate, random)}
    for before, metric in itertools.pairwise(METRICS):
        own = _RATES[metric] * random.lognormal(0, 0.2, n)[:, None]
        # What is lifted already before is not lifted again.
        gained = (1 + _LIFT_OF[metric] * lift) / (1 + _LIFT_OF.get(before, 0) * lift)
        share = np.minimum(own * gained, 0.95)
        counts[metric] = random.binomial(counts[before], share)
    frame = pl.DataFrame(
        {
            "product_id": np.repeat(list(products), days),
            "category": category,
            "day": calendar * n,
            **{metric: counts[metric].ravel() for metric in METRICS},
        }
    )
    return frame.filter(pl.Series(random.random(n * days) > 0.003))


def _lift_at(category: str, since: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the lift of add_to_cart so many days after a new set; before it there is none."""
    early, middle, late = LIFTS.get(category, (0.0, 0.0, 0.0))
    conditions = [since < 0, since < 14, since < 28]
    return np.select(conditions, [0.0, early, middle], default=late)


def _shared(calendar: list[dt.date], random: np.random.Generator) -> NDArray[np.float64]:
    """Return what all products of a category share on each day, as a factor."""
    days = np.arange(len(calendar))
    weekday = random.normal(0, 0.08, 7)[[day.weekday() for day in calendar]]
    to_christmas = np.array([(dt.date(2025, 12, 22) - day).days for day in calendar])
    season = 0.5 * np.exp(-((to_christmas / 12.0) ** 2))
    sale_day = PRE_DAYS + 9 + int(random.integers(12))
    sale = np.where((days >= sale_day) & (days < sale_day + 4), 0.35, 0.0)
    shocks = np.zeros(len(calendar))
    for day in days[1:]:
        shocks[day] = 0.7 * shocks[day - 1] + random.normal(0, 0.04)
    trend = random.normal(0, 0.0015) * days
    return np.exp(weekday + season + sale + shocks + trend)


def _draw(rate: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """Draw overdispersed counts: Poisson with a gamma rate."""
    return random.poisson(rate * random.gamma(_DISPERSION, 1 / _DISPERSION, rate.shape))


def _lifts(categories: list[str]) -> pl.DataFrame:
    """Return the true lifts, by category, metric and days since the intervention."""
    windows = ((0, 13), (14, 27), (28, POST_DAYS - 1))
    rows = [
        (category, metric, start, end, round(_LIFT_OF.get(metric, 0.0) * lift, 4))
        for category in categories
        for metric in METRICS
        for (start, end), lift in zip(windows, LIFTS.get(category, (0.0,) * 3), strict=True)
    ]
    return pl.DataFrame(
        rows, schema=["category", "metric", "day_from", "day_to", "true_lift"], orient="row"
    )
