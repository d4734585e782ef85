-- One row per category, cohort and reason for which no effect can be given, with the metrics and weeks concerned.
SELECT category, cohort, status, reason,
       string_agg(DISTINCT metric, ', ' ORDER BY metric) AS metrics,
       string_agg(DISTINCT horizon_weeks::VARCHAR, ', ' ORDER BY horizon_weeks::VARCHAR) AS weeks
FROM latest_impact
WHERE status != 'estimated'
GROUP BY ALL
ORDER BY ALL
