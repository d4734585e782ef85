-- One row per category, cohort and metric: what new image sets did in their first three weeks.
-- Effects are relative to what was expected without them; the interval is the calibrated one, which
-- the placebos of the pre-period widened until it keeps its promise. Impressions are a placebo: new
-- images cannot change them. Where three weeks are no horizon, the nearest one stands for them.
--
-- weeks: Weeks since the intervention that the effect is of.
-- effect_percent: Cumulative relative effect; null where it is not estimated.
-- lower_percent: Lower end of its calibrated interval.
-- upper_percent: Upper end.
-- probability_percent: Probability of a causal effect in the direction seen, by the calibrated scale; rounded down.
-- effect_per_day: Absolute effect on the treated products together, on an average day.
SELECT
    category, cohort, metric, horizon_weeks AS weeks, day,
    round(100 * relative_effect, 1) AS effect_percent,
    round(100 * lower, 1) AS lower_percent,
    round(100 * upper, 1) AS upper_percent,
    floor(1000 * probability) / 10 AS probability_percent,
    verdict, q_value,
    round(effect_average, 2) AS effect_per_day,
    n_treated, n_control, status, reason
FROM latest_impact
QUALIFY row_number() OVER (
    PARTITION BY category, cohort, metric ORDER BY abs(horizon_weeks - 3), horizon_weeks
) = 1
ORDER BY
    category, cohort,
    list_position(['impressions', 'clicks', 'add_to_cart', 'orders'], metric)
