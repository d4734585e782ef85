-- One row per task: open, or what the answers decide, and how many reviewers say what.
--
-- task_id: The question.
-- flag: What is asked about: a flag, image_type or same_picture.
-- state: open, unsure, contradictory, or what most reviewers say.
-- decided: One answer has more voices than any other.
-- counts: What was said, and how often.
-- yes: Reviewers who say yes.
-- no: Reviewers who say no.
-- unsure: Reviewers who are unsure.
-- reviewers: Who answered, sorted.
-- last_answered_at: When the last one did, in UTC.
WITH votes AS (
    SELECT task_id, answer, count(*) AS n FROM current_answers GROUP BY ALL
), counted AS (
    SELECT
        task_id,
        string_agg(answer || ' ' || n, ', ' ORDER BY n DESC, answer) AS counts,
        max(n) FILTER (answer <> 'unsure') AS most
    FROM votes GROUP BY task_id
), decided AS (
    SELECT
        task_id, any_value(counts) AS counts,
        CASE count(*) FILTER (answer <> 'unsure' AND n = most)
            WHEN 0 THEN 'unsure'
            WHEN 1 THEN min(answer) FILTER (answer <> 'unsure' AND n = most)
            ELSE 'contradictory'
        END AS state,
        count(*) FILTER (answer <> 'unsure' AND n = most) = 1 AS decided
    FROM votes JOIN counted USING (task_id) GROUP BY task_id
), said AS (
    SELECT
        task_id,
        count(*) FILTER (answer = 'yes') AS yes,
        count(*) FILTER (answer = 'no') AS no,
        count(*) FILTER (answer = 'unsure') AS unsure,
        list(reviewer ORDER BY reviewer) AS reviewers,
        max(answered_at) AS last_answered_at
    FROM current_answers GROUP BY task_id
)
SELECT
    t.flag, t.task_id,
    coalesce(d.state, 'open') AS state,
    coalesce(d.decided, false) AS decided,
    coalesce(d.counts, '') AS counts,
    coalesce(s.yes, 0) AS yes, coalesce(s.no, 0) AS no, coalesce(s.unsure, 0) AS unsure,
    s.reviewers, s.last_answered_at,
    t.priority, t.probability, t.guess, t.choices, t.reason, t.why, t.question, t.round,
    t.model_version, t.category, t.product_id, t.image_id, t.other_image_id
FROM review_tasks AS t
LEFT JOIN decided AS d USING (task_id)
LEFT JOIN said AS s USING (task_id)
ORDER BY t.flag, t.priority DESC, t.task_id
