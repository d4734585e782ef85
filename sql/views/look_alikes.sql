-- One row per pair of images, in the whole catalog, that look the same: by their signals, and by their pixels where they were compared.
-- Pixels are compared where different products show the pair; probability is null where not yet.
--
-- probability: The comparator's, that both show the same; null: not compared yet.
SELECT m.*, v.probability, v.left_box, v.right_box
FROM image_matches AS m
LEFT JOIN (
    FROM match_verdicts
    QUALIFY row_number() OVER (
        PARTITION BY left_image_id, right_image_id ORDER BY comparator_version DESC
    ) = 1
) AS v USING (left_image_id, right_image_id)
WHERE v.probability IS NULL OR v.probability >= 0.5
