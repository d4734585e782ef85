-- One row per category, cohort and metric that rose, and how much of it the latest weeks kept, the least first: what to look at again.
WITH ends AS (
    SELECT category, cohort, metric,
           min_by(effect_percent, weeks) AS first_percent, min(weeks) AS first_weeks,
           max_by(latest_weeks_percent, weeks) AS latest_percent, max(weeks) AS weeks,
           bool_or(verdict = 'rise') AS rose
    FROM impact_over_time
    WHERE status = 'estimated' AND metric != 'impressions'
    GROUP BY ALL
)
SELECT category, cohort, metric, first_weeks, first_percent, weeks, latest_percent,
       round(latest_percent - first_percent, 1) AS difference
FROM ends
WHERE rose AND weeks > first_weeks
ORDER BY difference, category, cohort, metric
