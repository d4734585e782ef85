-- One row per kind of placebo and metric: do intervals hold where there is nothing to find?
SELECT kind, metric, sum(placebos)::BIGINT AS placebos,
       round(sum(coverage_raw * placebos) / sum(placebos), 3) AS coverage_raw,
       round(sum(coverage_calibrated * placebos) / sum(placebos), 3) AS coverage_calibrated
FROM impact_placebo_coverage
GROUP BY ALL
ORDER BY ALL
