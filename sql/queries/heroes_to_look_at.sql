-- One row per hero, the worst first: how far from white its background is, how small or blurred the object.
SELECT s.category, s.product_id, s.image_id, s.image_type, s.width, s.height,
       round(g.background_whiteness, 2) AS background_whiteness,
       round(g.foreground_fraction, 2) AS foreground_fraction,
       round(g.sharpness, 2) AS sharpness
FROM latest_image_sets AS s
JOIN image_signals AS g USING (day, category, image_id)
WHERE s.is_hero
ORDER BY background_whiteness + foreground_fraction + sharpness, s.category, s.product_id
LIMIT 20
