-- One row per image of one product: chosen at which rank or left out, and why. Put its id below.
WITH asked AS (
    SELECT coalesce(
        nullif('', ''),  -- here: the product's id, between the first quotes
        (SELECT min(product_id) FROM image_decisions WHERE decision = 'left_out')
    ) AS product_id
)
SELECT category, product_id, rank, image_id, image_type, decision, rule_id, reason, suppliers
FROM image_decisions SEMI JOIN asked USING (product_id)
ORDER BY category, product_id, rank NULLS LAST, rule_id, image_id
