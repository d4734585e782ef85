-- One row per task: open, or what the answers decide, and how many reviewers say what.
SELECT
    t.flag, t.task_id,
    CASE
        WHEN count(c.answer) = 0 THEN 'open'
        WHEN count(*) FILTER (c.answer = 'yes') > count(*) FILTER (c.answer = 'no') THEN 'yes'
        WHEN count(*) FILTER (c.answer = 'no') > count(*) FILTER (c.answer = 'yes') THEN 'no'
        WHEN count(*) FILTER (c.answer = 'yes') > 0 THEN 'contradictory'
        ELSE 'unsure'
    END AS state,
    count(*) FILTER (c.answer = 'yes') AS yes,
    count(*) FILTER (c.answer = 'no') AS no,
    count(*) FILTER (c.answer = 'unsure') AS unsure,
    list(c.reviewer ORDER BY c.reviewer) FILTER (c.reviewer IS NOT NULL) AS reviewers,
    max(c.answered_at) AS last_answered_at,
    t.priority, t.probability, t.reason, t.why, t.question, t.round, t.model_version,
    t.category, t.product_id, t.image_id
FROM review_tasks AS t
LEFT JOIN current_answers AS c USING (task_id)
GROUP BY ALL
ORDER BY t.flag, t.priority DESC, t.task_id
