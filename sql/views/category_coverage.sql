-- One row per category: how many of its products have images, how many a complete set, what lacks most.
--
-- vertical: The category's vertical, if it has one.
-- products: Products whose image set was computed.
-- with_images: Those whose newest set has an image.
-- complete: Those whose set has every expected type; null where the category expects none.
-- share_complete: Likewise, of all.
-- images_per_product: Mean size of the newest sets.
-- images_without_type: Images in them that nobody could type, or not surely enough.
-- most_lacked: The expected type that most products lack; null where none does.
-- lacking_it: How many lack it.
WITH sets AS (
    SELECT l.category, l.product_id, count(o.image_id) AS images,
           count(*) FILTER (o.image_type IN ('unsure', 'untyped')) AS images_without_type
    FROM latest_partitions AS l
    LEFT JOIN ordered_image_sets AS o USING (day, category, product_id)
    GROUP BY ALL
), lacked AS (
    SELECT category, arg_max(image_type, lacking) AS most_lacked, max(lacking) AS lacking_it
    FROM type_coverage WHERE is_expected AND lacking > 0
    GROUP BY category
), counted AS (
    SELECT
        s.category, any_value(c.vertical) AS vertical,
        count(*) AS products,
        count(*) FILTER (s.images > 0) AS with_images,
        CASE WHEN any_value(len(c.expected)) > 0
            THEN count(*) FILTER (m.product_id IS NULL) END AS complete,
        avg(s.images) AS images_per_product,
        sum(s.images_without_type)::BIGINT AS images_without_type
    FROM sets AS s
    LEFT JOIN categories AS c USING (category)
    LEFT JOIN missing_types AS m USING (category, product_id)
    GROUP BY s.category
)
SELECT category, vertical, products, with_images, complete,
       round(complete / products, 3) AS share_complete,
       round(images_per_product, 2) AS images_per_product,
       images_without_type, most_lacked, lacking_it
FROM counted LEFT JOIN lacked USING (category)
ORDER BY category
