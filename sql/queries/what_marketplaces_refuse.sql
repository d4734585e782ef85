-- One row per hero and marketplace that would refuse it, and why.
SELECT authority, category, product_id, reasons
FROM marketplace_refusals
WHERE is_hero
ORDER BY authority, category, product_id
LIMIT 20
