-- One row per category, cohort, metric and number of weeks: how an effect holds or wears off.
-- Effects are cumulative from the first day with the new sets. What the weeks since the row before
-- brought alone follows from two sums; it has no interval of its own.
--
-- weeks: Weeks since the intervention that the effect is of.
-- effect_percent: Cumulative relative effect; null where it is not estimated.
-- lower_percent: Lower end of its calibrated interval.
-- upper_percent: Upper end.
-- probability_percent: Probability of a causal effect in the direction seen, by the calibrated scale; rounded down.
-- latest_weeks_percent: Relative effect of the weeks since the row before alone.
SELECT
    category, cohort, metric, horizon_weeks AS weeks, day,
    round(100 * relative_effect, 1) AS effect_percent,
    round(100 * lower, 1) AS lower_percent,
    round(100 * upper, 1) AS upper_percent,
    floor(1000 * probability) / 10 AS probability_percent,
    round(100 * (effect - coalesce(lag(effect) OVER earlier, 0))
        / nullif(predicted - coalesce(lag(predicted) OVER earlier, 0), 0), 1) AS latest_weeks_percent,
    verdict, status, reason
FROM latest_impact
WINDOW earlier AS (PARTITION BY category, cohort, metric ORDER BY horizon_weeks)
ORDER BY
    category, cohort,
    list_position(['impressions', 'clicks', 'add_to_cart', 'orders'], metric), horizon_weeks
