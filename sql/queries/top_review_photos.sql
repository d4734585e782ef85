-- One row per review photo among the three best of its product: what a page would show first.
SELECT category, product_id, rank, review_id, image_id, round(score, 3) AS score, weakness_text,
       helpful_votes, impressions
FROM latest_review_ranks
WHERE rank <= 3
ORDER BY category, product_id, rank, review_id
