-- One row per aggregated image of each product, newest day only: chosen, or left out and why.
WITH newest AS (
    SELECT category, product_id, max(day) AS day, arg_max(status, day) AS status
    FROM image_set_changes GROUP BY ALL
)
SELECT
    a.day, a.category, a.product_id, a.image_id,
    CASE WHEN o.rank IS NOT NULL THEN 'chosen' ELSE 'left_out' END AS decision,
    CASE
        WHEN o.rank IS NOT NULL THEN 'chosen'
        WHEN u.rule_id IS NOT NULL THEN u.rule_id
        WHEN f.flag IS NOT NULL THEN f.flag
        WHEN NOT q.passed THEN q.failed_rules[1]
        WHEN t.image_type = 'none' THEN 'type_none'
        WHEN NOT d.is_representative THEN 'duplicate'
        ELSE 'not_chosen'
    END AS rule_id,
    CASE
        WHEN o.rank IS NOT NULL THEN o.reason
        WHEN u.rule_id IS NOT NULL THEN u.detail
        WHEN f.flag IS NOT NULL THEN f.reason
        WHEN NOT q.passed THEN array_to_string(q.reasons, '; ')
        WHEN t.image_type = 'none' THEN 'shows no view of the product'
        WHEN NOT d.is_representative THEN 'duplicate of ' || d.cluster_id || CASE d.decided_by
            WHEN 'people' THEN ': people said that both show the same'
            WHEN 'pixels' THEN ': laid over each other, the same with probability '
                || round(d.probability, 4)
            ELSE ': by their signals'
        END
        ELSE ''
    END AS reason,
    o.rank, t.image_type, t.probability AS type_probability, newest.status AS product_status,
    a.suppliers, a.image_urls, a.width, a.height
FROM aggregated_images AS a
JOIN newest USING (day, category, product_id)
LEFT JOIN ordered_image_sets AS o USING (day, category, product_id, image_id)
LEFT JOIN quality_scores AS q USING (day, category, product_id, image_id)
LEFT JOIN image_types AS t USING (day, category, product_id, image_id)
LEFT JOIN dedup_clusters AS d USING (day, category, product_id, image_id)
LEFT JOIN (
    SELECT day, category, product_id, image_id, min(flag) AS flag,
        string_agg(reason, '; ' ORDER BY flag) AS reason
    FROM compliance_flags WHERE decision = 'rejected' GROUP BY ALL
) AS f USING (day, category, product_id, image_id)
LEFT JOIN (
    SELECT day, category, product_id, image_id, rule_id, detail
    FROM quarantine WHERE stage = 'signals'
) AS u USING (day, category, product_id, image_id)
