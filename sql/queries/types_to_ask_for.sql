-- One row per product that lacks an expected type, with the suppliers to ask; an image without a type may be it.
SELECT m.category, m.product_id, array_to_string(m.missing, ', ') AS missing_types,
       m.images, m.images_without_type, s.suppliers
FROM missing_types AS m
JOIN (
    SELECT category, product_id,
           string_agg(DISTINCT supplier_id, ', ' ORDER BY supplier_id) AS suppliers
    FROM supplier_offers GROUP BY ALL
) AS s USING (category, product_id)
ORDER BY len(m.missing) DESC, m.category, m.product_id
LIMIT 20
