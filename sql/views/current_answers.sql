-- One row per task and reviewer: the latest answer that was not undone.
SELECT a.task_id, a.image_id, a.flag, a.reviewer, a.answer, a.answered_at, a.source, a.answer_id
FROM review_answers AS a
WHERE a.answer <> 'undo' AND NOT EXISTS (
    FROM review_answers AS u
    WHERE u.answer = 'undo' AND u.undoes = a.answer_id AND u.reviewer = a.reviewer
)
QUALIFY row_number() OVER (
    PARTITION BY a.task_id, a.reviewer ORDER BY a.answered_at DESC, a.answer_id DESC
) = 1
