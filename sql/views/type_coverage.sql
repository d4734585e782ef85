-- One row per category and type that its images may have: how many products show one.
--
-- image_type: A type of the category.
-- is_expected: A complete image set of the category has one.
-- products: Products of the category.
-- with_type: Products whose newest set shows the type.
-- lacking: Products whose newest set does not.
-- share_lacking: Likewise, of all.
-- images: Images of the type in these sets.
WITH listed AS (
    SELECT category, vertical, expected, unnest(types) AS image_type FROM categories
), shown AS (
    SELECT category, image_type, count(DISTINCT product_id) AS with_type, count(*) AS images
    FROM ordered_image_sets JOIN latest_partitions USING (day, category, product_id)
    GROUP BY ALL
), sizes AS (
    SELECT category, count(*) AS products FROM latest_partitions GROUP BY ALL
)
SELECT
    l.category, l.vertical, l.image_type,
    list_contains(l.expected, l.image_type) AS is_expected,
    n.products,
    coalesce(s.with_type, 0) AS with_type,
    n.products - coalesce(s.with_type, 0) AS lacking,
    round(1 - coalesce(s.with_type, 0) / n.products, 3) AS share_lacking,
    coalesce(s.images, 0) AS images
FROM listed AS l
JOIN sizes AS n USING (category)
LEFT JOIN shown AS s USING (category, image_type)
ORDER BY l.category, lacking, l.image_type
