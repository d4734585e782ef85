-- One row per stage, rule and supplier: how much was refused, with an example.
--
-- refused: Rows of the quarantine.
-- products: Products they are about.
-- first_day: First day of them.
-- last_day: Last day of them.
-- example: The sentence of one of them.
SELECT stage, rule_id, supplier_id, count(*) AS refused, count(DISTINCT product_id) AS products,
       min(day) AS first_day, max(day) AS last_day, any_value(detail) AS example
FROM quarantine
GROUP BY ALL
ORDER BY refused DESC, stage, rule_id, supplier_id
