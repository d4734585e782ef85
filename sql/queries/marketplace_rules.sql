-- One row per marketplace rule: its limit, and how many images of the newest days keep, break or leave it open.
SELECT authority, rule_id, severity, scope, title, "limit",
       count(*) FILTER (status = 'pass') AS kept,
       count(*) FILTER (status = 'fail') AS broken,
       count(*) FILTER (status = 'undecided') AS undecided
FROM marketplace_compliance
JOIN latest_partitions USING (day, category, product_id)
GROUP BY ALL
ORDER BY authority, rule_id
