-- Heroes that a marketplace would refuse, and why.
SELECT authority, category, product_id, reasons
FROM marketplace_refusals
WHERE is_hero
ORDER BY authority, category, product_id
LIMIT 20
