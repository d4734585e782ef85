-- One row per product whose first image is not the one that its first supplier puts first, newest set only.
SELECT c.category, c.product_id, c.before[1] AS old_hero, c.after[1] AS new_hero, c.status
FROM image_set_changes AS c
JOIN latest_partitions USING (category, product_id, day)
WHERE c.hero_changed
ORDER BY c.category, c.product_id
