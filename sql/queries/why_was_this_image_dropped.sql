-- One row per step of one image's way: why was it dropped? Put its id, or the beginning of it, below.
WITH asked AS (
    SELECT coalesce(
        nullif('', ''),  -- here: the id, between the first quotes
        (SELECT min(image_id) FROM image_decisions WHERE decision = 'left_out')
    ) AS beginning
)
SELECT category, product_id, image_id, step, outcome, detail, decided_by
FROM image_story, asked
WHERE starts_with(image_id, beginning)
ORDER BY category, product_id, image_id, step_number
