-- One row per category, cohort, metric and horizon: its newest evaluation of causal_impact.
-- Join impact_series, impact_controls and impact_placebos with USING (day, category, cohort, metric).
--
-- day: As-of day of that evaluation.
SELECT *
FROM causal_impact
QUALIFY day = max(day) OVER (PARTITION BY category, cohort)
ORDER BY category, cohort, metric, horizon_weeks
