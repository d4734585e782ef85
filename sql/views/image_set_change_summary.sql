-- One row per category: how its products' image sets differ from their first supplier's images, newest day only.
-- Shares and means are of the category's products.
--
-- products: Products of the category.
-- changed: Products whose set is another one than the first supplier's.
-- share_changed: The same as a share of all.
-- bypassed: Products that were left as they were: no image, one image, or chosen by hand.
-- mean_images_before: Images that the first supplier sent for a product, on average.
-- mean_images_after: Images in a product's set, on average.
-- images_added: Images in the sets that the first suppliers did not send.
-- images_removed: Images of the first suppliers that are not in the sets.
-- removed_by_rule: How many of those each rule left out, by its id, most first.
-- heroes_changed: Products whose first image is another one.
-- reordered: Products that show images of the first supplier in another order.
WITH newest AS (
    SELECT c.* FROM image_set_changes AS c JOIN latest_partitions USING (day, category, product_id)
), removed AS (
    SELECT day, category, product_id, unnest(removed) AS image_id FROM newest
), rules AS (
    SELECT category, rule_id, count(*) AS n
    FROM removed JOIN image_decisions USING (day, category, product_id, image_id)
    GROUP BY ALL
), by_rule AS (
    SELECT category, map_from_entries(
        list({'key': rule_id, 'value': n} ORDER BY n DESC, rule_id)
    ) AS removed_by_rule
    FROM rules GROUP BY category
), counted AS (
    SELECT
        category,
        count(*) AS products,
        count(*) FILTER (status = 'changed') AS changed,
        count(*) FILTER (status LIKE 'bypassed%') AS bypassed,
        avg(len(before)) AS mean_images_before,
        avg(len(after)) AS mean_images_after,
        sum(len(added))::BIGINT AS images_added,
        sum(len(removed))::BIGINT AS images_removed,
        count(*) FILTER (hero_changed) AS heroes_changed,
        count(*) FILTER (len(moved) > 0) AS reordered
    FROM newest GROUP BY category
)
SELECT category, products, changed, round(changed / products, 4) AS share_changed, bypassed,
       round(mean_images_before, 2) AS mean_images_before,
       round(mean_images_after, 2) AS mean_images_after,
       images_added, images_removed,
       coalesce(removed_by_rule, MAP {}) AS removed_by_rule, heroes_changed, reordered
FROM counted LEFT JOIN by_rule USING (category)
ORDER BY category
