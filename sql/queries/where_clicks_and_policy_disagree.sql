-- One row per image that clicks put at another place than the policy, newest sets, the widest apart first.
SELECT category, product_id, image_id, image_type, policy_rank, click_rank,
       round(click_rate, 4) AS click_rate, rank, ordered_by
FROM ordered_image_sets
JOIN latest_partitions USING (day, category, product_id)
WHERE click_rank <> policy_rank
ORDER BY abs(click_rank - policy_rank) DESC, category, product_id, policy_rank
LIMIT 100
