-- One row per chosen image of each product, newest set only, in order, with its size and suppliers.
SELECT o.category, o.product_id, o.day, o.rank, o.image_id, o.image_type, o.is_hero, o.reason,
       a.width, a.height, a.format, a.suppliers, a.image_urls
FROM ordered_image_sets AS o
JOIN latest_partitions USING (day, category, product_id)
JOIN aggregated_images AS a USING (day, category, product_id, image_id)
ORDER BY o.category, o.product_id, o.rank
