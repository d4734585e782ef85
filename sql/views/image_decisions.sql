-- One row per aggregated image of each product, newest day only: chosen, or left out and why.
--
-- decision: chosen or left_out.
-- rule_id: A rule, a flag, type_none, duplicate, over_maximum, not_chosen (not typed yet), or chosen.
-- reason: One sentence: the measured value and its limit, or why it stands at its rank.
-- image_type: Its type; null where it was not typed.
-- type_probability: That it is of image_type.
-- product_status: What became of the product's set, as image_set_changes.status says.
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
        WHEN d.is_representative AND s.shown > 0 THEN 'over_maximum'
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
        WHEN d.is_representative AND s.shown > 0
            THEN 'the set is full: ' || s.shown || ' images come before it, the most allowed'
        ELSE ''
    END AS reason,
    o.rank, t.image_type, t.probability AS type_probability, newest.set_status AS product_status,
    a.suppliers, a.image_urls, a.width, a.height
FROM aggregated_images AS a
JOIN latest_partitions AS newest USING (day, category, product_id)
LEFT JOIN ordered_image_sets AS o USING (day, category, product_id, image_id)
LEFT JOIN (
    SELECT day, category, product_id, count(*) AS shown FROM ordered_image_sets GROUP BY ALL
) AS s USING (day, category, product_id)
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
