-- One row per image of a product and compliance flag: rejected, review, clear, or not_assessed.
SELECT
    a.day, a.category, a.product_id, a.image_id, s.flag,
    CASE
        WHEN f.decision IS NOT NULL THEN f.decision
        WHEN s.status = 'assessed' THEN 'clear'
        ELSE 'not_assessed'
    END AS status,
    f.probability, f.source, f.reason, s.model_version
FROM aggregated_images AS a
JOIN flag_assessments AS s USING (day, category)
LEFT JOIN compliance_flags AS f USING (day, category, product_id, image_id, flag)
