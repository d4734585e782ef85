-- One row per image of a product and other product that shows it: the same bytes (exact) or the same look (near).
-- Look-alikes whose pixels differ are left out; probability is null where nobody compared them yet.
-- Newest day of each product. Of several images that match, the nearest one stands in the row. A
-- placeholder that a thousand products show has a million rows: filter or count before looking.
--
-- match: exact: the same bytes; near: the same look.
-- other_category: Category of the other product.
-- other_product_id: The other product.
-- other_image_id: Its image that matches.
-- categories_differ: The products are of different categories.
-- other_suppliers: Suppliers that sent the other image, sorted.
-- phash_distance: Differing bits, object's pHash.
-- edge_dhash_distance: Differing bits, edge dHash.
-- hsv_distance: Chi-square of the HSV histograms, 0 … 2.
-- probability: The comparator's, that both show the same; null: not compared yet.
WITH shown AS (
    SELECT a.category, a.product_id, a.image_id, a.suppliers
    FROM aggregated_images AS a JOIN latest_partitions USING (day, category, product_id)
), near AS (
    SELECT left_image_id, right_image_id, 'near' AS match,
           phash_distance, edge_dhash_distance, hsv_distance, probability
    FROM look_alikes
), alike AS (
    SELECT left_image_id AS image_id, right_image_id AS other_image_id, * EXCLUDE (
        left_image_id, right_image_id
    ) FROM near
    UNION ALL
    SELECT right_image_id, left_image_id, * EXCLUDE (left_image_id, right_image_id) FROM near
    UNION ALL
    SELECT DISTINCT image_id, image_id, 'exact', 0, 0, 0, 1 FROM shown
)
SELECT
    s.category, s.product_id, s.image_id, m.match,
    o.category AS other_category, o.product_id AS other_product_id,
    o.image_id AS other_image_id,
    s.category <> o.category AS categories_differ,
    s.suppliers, o.suppliers AS other_suppliers,
    m.phash_distance, m.edge_dhash_distance, m.hsv_distance, m.probability
FROM shown AS s
JOIN alike AS m USING (image_id)
JOIN shown AS o ON o.image_id = m.other_image_id AND o.product_id <> s.product_id
QUALIFY row_number() OVER (
    PARTITION BY s.category, s.product_id, s.image_id, o.category, o.product_id
    ORDER BY m.match, m.phash_distance + m.edge_dhash_distance, m.hsv_distance, o.image_id
) = 1
