-- One row per kind of placebo, metric and horizon: how often intervals held where there is no effect.
-- Placebos are the same estimate at invented dates before the intervention ('in time'), or of
-- products that got no new images ('A/A'). A 95 % interval should hold in about 95 of 100. Those in
-- time set the calibrated scale, so that they agree with it by construction; A/A ones do not.
--
-- horizon_weeks: Weeks predicted.
-- placebos: Placebos with an answer.
-- coverage_raw: Share of them whose raw interval, as R's package gives it, holds.
-- coverage_calibrated: Share of them whose calibrated interval holds.
-- coverage_at_least: Lower end of the 95 % interval (Wilson) of coverage_calibrated.
-- coverage_at_most: Upper end.
-- median_error_percent: Median size of the relative error.
WITH counted AS (
    SELECT
        p.kind, p.metric, p.horizon_weeks,
        count(p.covered_calibrated) AS placebos,
        avg(p.covered_raw::INT) AS coverage_raw,
        avg(p.covered_calibrated::INT) AS share,
        median(abs(p.error_relative)) AS median_error
    FROM impact_placebos AS p
    SEMI JOIN latest_impact USING (day, category, cohort, metric)
    GROUP BY ALL
)
SELECT
    kind, metric, horizon_weeks, placebos,
    round(coverage_raw, 3) AS coverage_raw,
    round(share, 3) AS coverage_calibrated,
    round((share + 1.92 / placebos - 1.96 * sqrt((share * (1 - share) + 0.96 / placebos) / placebos))
        / (1 + 3.84 / placebos), 3) AS coverage_at_least,
    round((share + 1.92 / placebos + 1.96 * sqrt((share * (1 - share) + 0.96 / placebos) / placebos))
        / (1 + 3.84 / placebos), 3) AS coverage_at_most,
    round(100 * median_error, 2) AS median_error_percent
FROM counted
WHERE placebos > 0
ORDER BY kind, metric, horizon_weeks
