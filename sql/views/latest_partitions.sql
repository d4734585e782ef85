-- One row per product: the newest day on which its image set was computed.
SELECT category, product_id, max(day) AS day
FROM image_set_changes
GROUP BY category, product_id
