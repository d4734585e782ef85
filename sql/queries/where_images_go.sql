-- One row per category: its images, and the share that is left after each step.
SELECT category, products, images,
       round(decoded / images, 3) AS decoded,
       round(passed_quality / images, 3) AS passed_quality,
       round(passed_compliance / images, 3) AS passed_compliance,
       round(show_a_view / images, 3) AS show_a_view,
       round(representatives / images, 3) AS representatives,
       round(chosen / images, 3) AS chosen
FROM image_funnel
ORDER BY category
