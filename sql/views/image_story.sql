-- One row per image of a product and step of its way, newest day only: what came of it, and who decided.
-- Filter by category and product_id, or by image_id. A reference of which no picture arrived has no
-- image_id.
--
-- step_number: Order of the steps, from 1.
-- step: sent, measured, quality, compliance, type, duplicates or decision.
-- outcome: What came of the step, e.g. refused, passed, front, duplicate or chosen.
-- detail: Why: the measured value and its limit, the probability, the reason.
-- decided_by: Supplier, rule, model with its version, people, or version of the algorithms.
-- image_url: The reference, where the step is about one.
WITH steps AS (
    SELECT category, product_id, image_id, 1 AS step_number, 'sent' AS step,
           'arrived' AS outcome,
           f.format || ', ' || f.width || ' × ' || f.height || ' px, ' || f.byte_size || ' bytes'
               AS detail,
           supplier_id AS decided_by, image_url
    FROM fetched_images AS f JOIN latest_partitions AS l USING (category, product_id)
    WHERE f.day <= l.day
    UNION ALL
    SELECT category, product_id, NULL, 1, 'sent', 'refused',
           rule_id || ': ' || detail, supplier_id, image_url
    FROM quarantine AS q JOIN latest_partitions AS l USING (category, product_id)
    WHERE stage = 'fetch' AND q.day <= l.day
    UNION ALL
    SELECT category, product_id, image_id, 2, 'measured', 'measured',
           'sharpness ' || round(g.sharpness, 3) || ', object ' || round(g.foreground_fraction, 3)
               || ' of the frame, background white ' || round(g.background_whiteness, 3)
               || ', detail ' || round(g.detail, 3),
           g.signals_version, NULL
    FROM aggregated_images AS a
    JOIN latest_partitions USING (day, category, product_id)
    JOIN image_signals AS g USING (day, category, image_id)
    UNION ALL
    SELECT category, product_id, image_id, 2, 'measured', 'refused',
           rule_id || ': ' || detail, 'rules', NULL
    FROM quarantine JOIN latest_partitions USING (day, category, product_id)
    WHERE stage = 'signals'
    UNION ALL
    SELECT category, product_id, image_id, 3, 'quality', if(passed, 'passed', 'failed'),
           array_to_string(reasons, '; '), array_to_string(judged_by, ', '), NULL
    FROM quality_scores JOIN latest_partitions USING (day, category, product_id)
    UNION ALL
    SELECT category, product_id, image_id, 4, 'compliance', flag || ' ' || decision,
           reason, if(source = 'human', 'people', 'model ' || flag || ' ' || model_version), NULL
    FROM compliance_flags JOIN latest_partitions USING (day, category, product_id)
    UNION ALL
    SELECT category, product_id, image_id, 5, 'type', image_type,
           'probability ' || round(probability, 3) || ' of ' || coalesce(best_guess, image_type),
           trim(answered_by || ' ' || model_version), NULL
    FROM image_types JOIN latest_partitions USING (day, category, product_id)
    UNION ALL
    SELECT category, product_id, image_id, 6, 'duplicates',
           if(is_representative, 'representative', 'duplicate'),
           CASE
               WHEN NOT is_representative THEN 'of ' || cluster_id
               WHEN nearest_image_id IS NOT NULL THEN 'nearest other one ' || nearest_image_id
               ELSE 'no other image of its type'
           END || coalesce(', the same with probability ' || round(probability, 4), ''),
           decided_by, NULL
    FROM dedup_clusters JOIN latest_partitions USING (day, category, product_id)
    UNION ALL
    SELECT category, product_id, image_id, 7, 'decision',
           if(decision = 'chosen', 'chosen at rank ' || rank, 'left out'), reason, rule_id, NULL
    FROM image_decisions
)
SELECT category, product_id, image_id, step_number, step, outcome, detail, decided_by, image_url
FROM steps
ORDER BY category, product_id, image_id NULLS LAST, step_number, outcome, decided_by
