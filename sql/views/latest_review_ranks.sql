-- One row per review photo: its newest place among the photos of its product.
-- A review that was moved to another product is that product's alone.
SELECT *
FROM review_image_ranks
QUALIFY day = max(day) OVER (PARTITION BY category, product_id)
    AND day = max(day) OVER (PARTITION BY category, review_id)
ORDER BY category, product_id, coalesce(rank, n_ranked + 1), score DESC, review_id
