-- One row per product and attribute that the images of its newest set show, beside what labels say.
--
-- attribute: E.g. sleeve_length.
-- value: What its images show, by the mean of their probabilities.
-- probability: That mean.
-- images: Images of the newest set that were looked at.
-- labelled: What files of labels say; null: nothing.
-- agrees: Both say the same; null where there is no label.
WITH looked_at AS (
    SELECT s.category, s.product_id, a.attribute, a.probabilities,
           count(*) OVER (PARTITION BY s.category, s.product_id, a.attribute) AS images
    FROM latest_image_sets AS s JOIN image_attributes AS a USING (day, category, image_id)
), shown AS (
    SELECT category, product_id, attribute, images, told.value AS value,
           sum(told.probability) / images AS probability
    FROM (SELECT * EXCLUDE (probabilities), unnest(probabilities) AS told FROM looked_at)
    GROUP BY category, product_id, attribute, images, told.value
    QUALIFY row_number() OVER (
        PARTITION BY category, product_id, attribute ORDER BY probability DESC, told.value
    ) = 1
)
SELECT s.category, s.product_id, s.attribute, s.value, s.probability, s.images,
       l.value AS labelled, l.value = s.value AS agrees
FROM shown AS s LEFT JOIN attribute_labels AS l USING (product_id, attribute)
ORDER BY s.category, s.product_id, s.attribute
