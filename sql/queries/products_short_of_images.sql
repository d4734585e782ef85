-- One row per product whose set holds fewer than three images, with what was left out and why.
SELECT product_id, category,
       count(*) FILTER (decision = 'chosen') AS chosen,
       string_agg(DISTINCT rule_id, ', ' ORDER BY rule_id) FILTER (decision = 'left_out') AS left_out
FROM image_decisions
GROUP BY product_id, category
HAVING count(*) FILTER (decision = 'chosen') < 3
ORDER BY chosen, category, product_id
LIMIT 20
