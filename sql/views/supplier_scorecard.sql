-- One row per supplier and category: references sent, refused, failed in quality, chosen.
-- Every reference that the supplier ever sent counts once, with the bytes that it led to last, as
-- the newest image set of its product judged them.
--
-- products: Products that the supplier sent images of.
-- references_sent: Distinct references in its feeds.
-- refused: References of which no picture arrived.
-- arrived: References of which one did.
-- judged: Arrived ones that the quality rules judged.
-- passed: Judged ones that keep them all.
-- failed_quality: Judged ones that break one.
-- rejected: Arrived ones that a compliance flag keeps out.
-- no_view: Arrived ones that show no view of the product.
-- duplicates: Arrived ones that another image of the product stands for.
-- chosen: References in the newest image sets.
-- heroes: Chosen ones that come first.
-- share_chosen: Chosen references, of those sent.
-- share_passed: References that passed, of those that were judged; null if none was.
-- share_passed_at_least: Lower end of its 95 % interval (Wilson): ranks few and many references fairly.
-- last_day: Day of the supplier's latest feed of the category.
WITH sent AS (
    SELECT supplier_id, category, product_id, image_url, max(day) AS last_day
    FROM supplier_offers GROUP BY ALL
), arrived AS (
    SELECT supplier_id, category, product_id, image_url, arg_max(image_id, day) AS image_id
    FROM fetched_images GROUP BY ALL
), flagged AS (
    SELECT DISTINCT day, category, product_id, image_id
    FROM compliance_flags WHERE decision = 'rejected'
), judged AS (
    SELECT
        a.category, a.product_id, a.image_id,
        q.passed, f.image_id IS NOT NULL AS rejected, t.image_type, d.is_representative,
        o.rank, o.is_hero
    FROM aggregated_images AS a
    JOIN latest_partitions USING (day, category, product_id)
    LEFT JOIN quality_scores AS q USING (day, category, product_id, image_id)
    LEFT JOIN flagged AS f USING (day, category, product_id, image_id)
    LEFT JOIN image_types AS t USING (day, category, product_id, image_id)
    LEFT JOIN dedup_clusters AS d USING (day, category, product_id, image_id)
    LEFT JOIN ordered_image_sets AS o USING (day, category, product_id, image_id)
), counted AS (
    SELECT
        s.supplier_id, s.category,
        count(DISTINCT s.product_id) AS products,
        count(*) AS references_sent,
        count(*) FILTER (r.image_id IS NULL) AS refused,
        count(r.image_id) AS arrived,
        count(j.passed) AS judged,
        count(*) FILTER (j.passed) AS passed,
        count(*) FILTER (NOT j.passed) AS failed_quality,
        count(*) FILTER (j.rejected) AS rejected,
        count(*) FILTER (j.image_type = 'none') AS no_view,
        count(*) FILTER (NOT j.is_representative) AS duplicates,
        count(j.rank) AS chosen,
        count(*) FILTER (j.is_hero) AS heroes,
        max(s.last_day) AS last_day
    FROM sent AS s
    LEFT JOIN arrived AS r USING (supplier_id, category, product_id, image_url)
    LEFT JOIN judged AS j USING (category, product_id, image_id)
    GROUP BY ALL
)
SELECT
    supplier_id, category, products, references_sent, refused, arrived, judged, passed,
    failed_quality, rejected, no_view, duplicates, chosen, heroes,
    round(chosen / references_sent, 3) AS share_chosen,
    round(passed / nullif(judged, 0), 3) AS share_passed,
    round((
        passed / judged + 1.92 / judged
        - 1.96 * sqrt((passed / judged * (1 - passed / judged) + 0.96 / judged) / judged)
    ) / (1 + 3.84 / judged), 3) AS share_passed_at_least,
    last_day
FROM counted
ORDER BY supplier_id, category
