-- One row per supplier: how good its images are, the best first; few images rank below many as good.
WITH suppliers AS (
    SELECT supplier_id,
           sum(references_sent)::BIGINT AS references_sent,
           sum(refused) / sum(references_sent) AS share_refused,
           nullif(sum(judged), 0) AS n,
           sum(passed) / n AS share_passed,
           sum(duplicates) / n AS share_duplicates,
           sum(chosen) / sum(references_sent) AS share_chosen,
           sum(heroes)::BIGINT AS heroes,
           arg_min(category, share_passed_at_least) AS worst_category
    FROM supplier_scorecard
    GROUP BY supplier_id
)
SELECT supplier_id, references_sent, round(share_refused, 3) AS share_refused,
       round(share_passed, 3) AS share_passed,
       -- Lower end of the 95 % interval (Wilson).
       round((
           share_passed + 1.92 / n - 1.96 * sqrt((share_passed * (1 - share_passed) + 0.96 / n) / n)
       ) / (1 + 3.84 / n), 3) AS passed_at_least,
       round(share_duplicates, 3) AS share_duplicates,
       round(share_chosen, 3) AS share_chosen,
       heroes, worst_category
FROM suppliers
ORDER BY passed_at_least DESC NULLS LAST, share_chosen DESC, supplier_id
