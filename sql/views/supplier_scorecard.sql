-- One row per supplier and category: references sent, refused, failed in quality, chosen.
WITH newest AS (
    SELECT category, product_id, max(day) AS day FROM image_set_changes GROUP BY ALL
), sent AS (
    SELECT DISTINCT supplier_id, category, product_id, image_url FROM supplier_offers
), arrived AS (
    SELECT DISTINCT supplier_id, category, product_id, image_url, image_id FROM fetched_images
)
SELECT
    s.supplier_id, s.category,
    count(*) AS references_sent,
    count(*) FILTER (f.image_id IS NULL) AS refused,
    count(*) FILTER (NOT q.passed) AS failed_quality,
    count(*) FILTER (o.rank IS NOT NULL) AS chosen,
    count(*) FILTER (o.is_hero) AS heroes,
    round(count(*) FILTER (o.rank IS NOT NULL) / count(*), 3) AS share_chosen
FROM sent AS s
LEFT JOIN arrived AS f USING (supplier_id, category, product_id, image_url)
LEFT JOIN newest USING (category, product_id)
LEFT JOIN quality_scores AS q
  ON q.day = newest.day AND q.category = s.category AND q.product_id = s.product_id
 AND q.image_id = f.image_id
LEFT JOIN ordered_image_sets AS o
  ON o.day = newest.day AND o.category = s.category AND o.product_id = s.product_id
 AND o.image_id = f.image_id
GROUP BY ALL
ORDER BY s.supplier_id, s.category
