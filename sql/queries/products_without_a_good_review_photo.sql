-- One row per product all of whose review photos have a weakness, those with most photos first.
SELECT category, product_id, count(*) AS photos, round(max(score), 3) AS best_score,
       arg_max(weakness_text, score) AS said_of_the_best
FROM latest_review_ranks
WHERE status = 'ranked'
GROUP BY category, product_id
HAVING bool_and(weakness != '')
ORDER BY photos DESC, category, product_id
