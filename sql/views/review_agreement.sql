-- One row per flag and pair of reviewers: tasks of which neither was unsure, share alike, Cohen's kappa.
-- Kappa is agreement beyond chance: 1 always alike, 0 no better than chance, null where both always
-- gave one and the same answer. The flag 'image_type' stands for the types of images.
--
-- reviewer_a: One reviewer.
-- reviewer_b: The other one.
-- n: Questions that both answered, neither of them 'unsure'.
-- equal: Share that they answered alike.
-- kappa: Cohen's kappa: agreement beyond chance.
WITH pairs AS (
    SELECT
        a.flag, a.reviewer AS reviewer_a, b.reviewer AS reviewer_b, count(*) AS n,
        avg((a.answer = b.answer)::INTEGER) AS equal,
        histogram(a.answer) AS said_a,
        histogram(b.answer) AS said_b
    FROM current_answers AS a
    JOIN current_answers AS b ON b.task_id = a.task_id AND b.reviewer > a.reviewer
    WHERE a.answer <> 'unsure' AND b.answer <> 'unsure'
    GROUP BY ALL
), by_chance AS (
    SELECT *,
        list_sum(list_transform(
            map_keys(said_a), lambda answer: said_a[answer] * coalesce(said_b[answer], 0)
        )) / (n * n) AS chance
    FROM pairs
)
SELECT flag, reviewer_a, reviewer_b, n, equal,
       CASE WHEN chance < 1 THEN (equal - chance) / (1 - chance) END AS kappa
FROM by_chance
ORDER BY flag, reviewer_a, reviewer_b
