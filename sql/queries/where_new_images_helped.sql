-- One row per category, cohort and metric whose change is told from chance, the greatest rise first.
SELECT category, cohort, metric, effect_percent, lower_percent, upper_percent, verdict, n_treated
FROM impact_by_category
WHERE verdict IN ('rise', 'fall') AND metric != 'impressions'
ORDER BY effect_percent DESC, category, cohort, metric
