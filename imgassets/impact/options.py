"""What the estimate of many cells is made with; light to import."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal, get_args

from imgassets.impact.structural import ModelOptions

CohortPeriod = Literal["day", "week", "month"]
"""Treated products whose sets went live in the same period are estimated together."""

RULES_VERSION = "impact-rules-1"
"""Changes with the rules that choose controls, refuse cells, calibrate and judge."""


@dataclass(frozen=True)
class ImpactOptions:
    """How cells are formed, compared, calibrated and judged.

    Attributes:
        pre_days: days before an intervention that are used at most.
        min_pre_days: fewest days before it with data; a cell with fewer is refused.
        min_treated: fewest treated products of a cell.
        min_controls: fewest untreated products to compare with.
        horizons: weeks from the intervention, each counted from its first day.
        cohort: period of interventions that are estimated together.
        n_control_series: control series that the chosen products are put together to.
        placebo_windows: fake interventions before the true one, at most.
        untreated_runs: halves of the untreated products taken for treated (A/A), per cell.
        keep_days: days after its longest horizon for which a cohort is still estimated.
        alpha: intervals hold 1 - alpha; the share of false discoveries that verdicts allow.
        model: options of the time-series model.

    Raises:
        ValueError: a value is out of its range.
    """

    pre_days: int = 120
    min_pre_days: int = 21
    min_treated: int = 5
    min_controls: int = 10
    horizons: tuple[int, ...] = (1, 2, 3, 4, 6)
    cohort: CohortPeriod = "week"
    n_control_series: int = 10
    placebo_windows: int = 3
    untreated_runs: int = 2
    keep_days: int = 28
    alpha: float = 0.05
    model: ModelOptions = field(default_factory=lambda: ModelOptions(niter=400))

    def __post_init__(self) -> None:
        if not 14 <= self.min_pre_days <= self.pre_days:
            raise ValueError(
                f"min_pre_days is {self.min_pre_days}; it must lie between 14 and pre_days "
                f"({self.pre_days})"
            )
        if not self.horizons or sorted(set(self.horizons)) != list(self.horizons):
            raise ValueError(f"horizons are {self.horizons}; they must rise, in weeks")
        if self.horizons[0] < 1:
            raise ValueError(f"horizons are {self.horizons}; the shortest is one week")
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"alpha is {self.alpha}; it must lie between 0 and 0.5")
        for name in ("min_treated", "min_controls", "n_control_series", "placebo_windows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.cohort not in get_args(CohortPeriod):
            raise ValueError(f"cohort is '{self.cohort}', not one of {get_args(CohortPeriod)}")

    @property
    def longest_days(self) -> int:
        """Days of the longest horizon."""
        return 7 * self.horizons[-1]

    def first_data_day(self, as_of: date) -> date:
        """Return the earliest day that an estimate as of a day can make use of."""
        longest_cohort = {"day": 0, "week": 6, "month": 30}[self.cohort]
        days = self.pre_days + self.longest_days + self.keep_days + longest_cohort
        return as_of - timedelta(days=days)
