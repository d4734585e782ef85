-- One row per product whose newest image set lacks a type that a complete set of its category has.
--
-- missing: Expected types that it lacks.
-- present: Types that it shows.
-- images: Images in its newest set.
-- images_without_type: Those of them that nobody could type: one may be what is missing.
WITH present AS (
    SELECT day, category, product_id, count(*) AS images,
           list(DISTINCT image_type ORDER BY image_type) AS present,
           count(*) FILTER (image_type IN ('unsure', 'untyped')) AS images_without_type
    FROM ordered_image_sets GROUP BY ALL
)
SELECT l.category, c.vertical, l.product_id, l.day,
       list_filter(c.expected, lambda t: NOT list_contains(coalesce(p.present, []), t)) AS missing,
       coalesce(p.present, []) AS present, coalesce(p.images, 0) AS images,
       coalesce(p.images_without_type, 0) AS images_without_type
FROM latest_partitions AS l
JOIN categories AS c USING (category)
LEFT JOIN present AS p USING (day, category, product_id)
WHERE len(missing) > 0
ORDER BY l.category, l.product_id
