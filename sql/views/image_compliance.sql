-- One row per image of a product and compliance flag: rejected, review, clear, or not_assessed.
--
-- flag: The flag, e.g. weapon.
-- model_version: Version that looked for it; '' if none did.
-- status: rejected, review, clear: looked for and not found, or not_assessed.
SELECT
    a.day, a.category, a.product_id, a.image_id, s.flag,
    CASE
        WHEN f.decision IS NOT NULL THEN f.decision
        -- An image that could not be decoded was not looked at, whatever else was.
        WHEN s.status = 'assessed' AND g.image_id IS NOT NULL THEN 'clear'
        ELSE 'not_assessed'
    END AS status,
    f.probability, f.source, f.reason, s.model_version
FROM aggregated_images AS a
JOIN flag_assessments AS s USING (day, category)
LEFT JOIN image_signals AS g USING (day, category, image_id)
LEFT JOIN compliance_flags AS f USING (day, category, product_id, image_id, flag)
