-- One row per product and category, of products that have several: who says so, in which rows.
--
-- source: feed names it, taken from another feed, or predicted.
-- n: Rows that say so.
-- first_day: First day of them.
-- last_day: Last day of them.
-- suppliers: Suppliers in whose rows, sorted.
-- probability: The model's highest, where it was predicted.
-- model_version: Newest version that predicted it; '' where none did.
WITH said AS (
    SELECT product_id, category, 'feed names it' AS source, NULL::FLOAT AS probability,
           '' AS model_version, day, supplier_id
    FROM feed_categories
    UNION ALL
    SELECT product_id, category,
           CASE source WHEN 'feed' THEN 'taken from another feed' ELSE 'predicted' END,
           probability, model_version, day, supplier_id
    FROM category_resolutions WHERE outcome = 'resolved'
)
SELECT product_id, category, source, count(*) AS n, min(day) AS first_day, max(day) AS last_day,
       list(DISTINCT supplier_id ORDER BY supplier_id) AS suppliers,
       max(probability) AS probability, max(model_version) AS model_version
FROM said
WHERE product_id IN (
    SELECT product_id FROM said GROUP BY product_id HAVING count(DISTINCT category) > 1
)
GROUP BY product_id, category, source
ORDER BY product_id, category, source
