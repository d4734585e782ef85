-- One row per product and day on which its new image set went live, as the estimates count them.
-- Where files name interventions of a category, they alone count there: they know what went live.
-- Elsewhere interventions follow from image_set_changes. A product whose set changed again before
-- the longest horizon was over is left out of the estimates, and is never a control.
--
-- sources: Who says so: feed, image_set.
-- days_since_previous: Days since the product's set went live before; null if it never had.
WITH said AS (
    SELECT category, product_id, day, list(DISTINCT source ORDER BY source) AS sources
    FROM interventions
    WHERE source = 'feed'
        OR category NOT IN (SELECT category FROM interventions WHERE source = 'feed')
    GROUP BY ALL
)
SELECT
    category, product_id, day, sources,
    day - lag(day) OVER (PARTITION BY category, product_id ORDER BY day) AS days_since_previous
FROM said
ORDER BY category, product_id, day
