-- One row per category and expected type that products lack, the largest gap first.
SELECT category, image_type, lacking, products, share_lacking
FROM type_coverage
WHERE is_expected AND lacking > 0
ORDER BY share_lacking DESC, lacking DESC, category, image_type
LIMIT 50
