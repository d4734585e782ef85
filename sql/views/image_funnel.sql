-- One row per category: its products' images, newest day only, and how many are left after each step.
-- A product that is left as it is keeps images that no step would have kept: chosen may exceed
-- what stands before it.
--
-- products: Products of the category with images.
-- images: Their distinct images, counted once per product.
-- decoded: Those that could be decoded and measured.
-- passed_quality: Those that then passed every quality rule.
-- passed_compliance: Those that then no flag rejected.
-- show_a_view: Those that then show a view of the product.
-- representatives: Those that then stand for a cluster of duplicates.
-- chosen: Images in the newest image sets.
SELECT
    a.category,
    count(DISTINCT a.product_id) AS products,
    count(*) AS images,
    count(q.image_id) AS decoded,
    count(*) FILTER (q.passed) AS passed_quality,
    count(t.image_id) AS passed_compliance,
    count(*) FILTER (t.image_type <> 'none') AS show_a_view,
    count(*) FILTER (d.is_representative) AS representatives,
    count(o.rank) AS chosen
FROM aggregated_images AS a
JOIN latest_partitions USING (day, category, product_id)
LEFT JOIN quality_scores AS q USING (day, category, product_id, image_id)
LEFT JOIN image_types AS t USING (day, category, product_id, image_id)
LEFT JOIN dedup_clusters AS d USING (day, category, product_id, image_id)
LEFT JOIN ordered_image_sets AS o USING (day, category, product_id, image_id)
GROUP BY a.category
ORDER BY a.category
