"""The settings of causal impact, a group of :class:`imgassets.settings.Settings`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from imgassets.impact.options import ImpactOptions
from imgassets.impact.structural import ModelOptions


class ImpactSettings(BaseModel):
    """What new image sets did to clicks, carts and orders: data, cells and the model."""

    model_config = ConfigDict(extra="forbid")

    max_count: int = Field(
        1_000_000_000, ge=1, description="A count of a product on a day above it is refused."
    )
    funnel: list[Literal["impressions", "clicks", "add_to_cart", "orders"]] = Field(
        ["impressions", "clicks"],
        description="Metrics of which each is counted at most as often as the one before it; a "
        "product-day that breaks this is refused.",
    )
    live_after_days: int = Field(
        0, ge=0, description="Days from a change in image_set_changes until shoppers see it."
    )
    pre_days: int = Field(120, ge=14, description="Days before an intervention, at most.")
    min_pre_days: int = Field(
        21, ge=14, description="Fewest days with data before it; a cell with fewer is refused."
    )
    min_treated: int = Field(5, ge=1, description="Fewest treated products of a cell.")
    min_controls: int = Field(10, ge=1, description="Fewest untreated products to compare with.")
    horizons: tuple[int, ...] = Field(
        (1, 2, 3, 4, 6), description="Weeks from the intervention, rising."
    )
    cohort: Literal["day", "week", "month"] = Field(
        "week", description="Period of interventions that are estimated together."
    )
    keep_days: int = Field(
        28, ge=0,
        description="Days after its longest horizon for which a cohort is still estimated.",
    )  # fmt: skip
    n_control_series: int = Field(
        10, ge=1, description="Series that control products are put together to."
    )
    alpha: float = Field(
        0.05, gt=0, lt=0.5,
        description="Intervals hold 1 - alpha; verdicts allow this share of false discoveries.",
    )  # fmt: skip
    niter: int = Field(400, ge=50, description="Iterations of the model's chain.")
    nseasons: int = Field(1, ge=1, description="7: weekly seasonality in the model; 1: none.")
    prior_level_sd: float = Field(
        0.01, gt=0, description="Prior guess of the level's movement a day, in sd of the series."
    )

    def options(self, seed: int) -> ImpactOptions:
        """Return what the estimate is made with; ``seed`` is that of every random choice.

        Raises:
            ValueError: settings contradict each other.
        """
        return ImpactOptions(
            pre_days=self.pre_days,
            min_pre_days=self.min_pre_days,
            min_treated=self.min_treated,
            min_controls=self.min_controls,
            horizons=self.horizons,
            cohort=self.cohort,
            n_control_series=self.n_control_series,
            keep_days=self.keep_days,
            alpha=self.alpha,
            model=ModelOptions(
                niter=self.niter,
                nseasons=self.nseasons,
                prior_level_sd=self.prior_level_sd,
                seed=seed,
            ),
        )
