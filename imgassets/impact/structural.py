"""The structural time-series model of causal impact: its options, priors and figures.

    y_t = level_t + season_t + x_t' beta + noise_t,        noise_t ~ N(0, sigma^2)
    level_{t+1} = level_t + slope_t + N(0, sigma_level^2)  (slope only with ``trend``)

Brodersen et al. (2015), "Inferring causal impact using Bayesian structural time-series models",
Annals of Applied Statistics 9, sections 2.1 to 2.3. Priors are those of R's package CausalImpact
1.4 with bsts, on a series standardised by its training rows.
"""

from __future__ import annotations

from dataclasses import dataclass

LEVEL_DF = 32.0
"""Prior degrees of freedom of the level's standard deviation (R: kLocalLevelPriorSampleSize)."""

WEAK_DF = 0.01
"""Prior degrees of freedom of slope and season, and of noise without controls (R: SdPrior)."""

WEAK_SD = 0.01
"""Prior guess of the standard deviations of slope and season (R: AddSeasonal)."""

NOISE_DF = 50.0
"""Prior degrees of freedom of the noise with controls (R: kStaticRegressionPriorDf)."""

EXPECTED_R2 = 0.8
"""Prior guess of the explained share of variance (R: kStaticRegressionExpectedR2)."""

INFORMATION_WEIGHT = 0.01
"""Observations' worth of weight of the slab (R: SpikeSlabPrior's prior.information.weight)."""

DIAGONAL_SHRINKAGE = 0.5
"""Weight of the diagonal in the slab's precision (R: SpikeSlabPrior's diagonal.shrinkage)."""


@dataclass(frozen=True)
class ModelOptions:
    """How a series is modelled; the names follow R's ``model.args``.

    Attributes:
        niter: iterations of the chain; the first fifth is thrown away.
        prior_level_sd: prior guess of the level's standard deviation per row, in standard
            deviations of the series.
        nseasons: seasons of a cycle: 7 for the week in daily data, 1 for none.
        season_duration: rows that a season lasts: 7 for weeks of the year in daily data.
        trend: a local linear trend instead of a local level.
        expected_model_size: controls expected to matter, of the spike-and-slab prior.
        seed: of the chain; each series starts anew from it.

    Raises:
        ValueError: a value is out of its range.
    """

    niter: int = 1000
    prior_level_sd: float = 0.01
    nseasons: int = 1
    season_duration: int = 1
    trend: bool = False
    expected_model_size: float = 3.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.niter < 50:
            raise ValueError(f"niter is {self.niter}; a chain needs at least 50 iterations")
        if not self.prior_level_sd > 0:
            raise ValueError(f"prior_level_sd is {self.prior_level_sd}; it must be above 0")
        if self.nseasons < 1:
            raise ValueError(f"nseasons is {self.nseasons}; 1 means no seasons")
        if self.season_duration < 1:
            raise ValueError(f"season_duration is {self.season_duration}; the shortest is one row")
        if not self.expected_model_size > 0:
            raise ValueError(f"expected_model_size is {self.expected_model_size}, not above 0")


@dataclass(frozen=True)
class SummaryRow:
    """One row of a summary: the average day, or the sum of all days.

    Effects are actual less predicted, in units of the series; ``relative`` ones are fractions of
    the prediction, NaN where the prediction's interval touches zero.

    Attributes:
        p: the smaller tail of the probability that a prediction without effect reaches the actual
            value (R's "posterior tail-area probability").
        alpha: intervals hold 1 - alpha of the posterior.
    """

    actual: float
    predicted: float
    predicted_lower: float
    predicted_upper: float
    predicted_sd: float
    effect: float
    effect_lower: float
    effect_upper: float
    effect_sd: float
    relative: float
    relative_lower: float
    relative_upper: float
    relative_sd: float
    p: float
    alpha: float
