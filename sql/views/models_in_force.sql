-- One row per kind of decision and who made it: model version, rules, people: how many rows of the newest sets.
-- Where answered_by_champion is false, another version is champion now: the rows it answered are older,
-- and the next backfill asks the champion.
--
-- decides: What is decided: signals, quality <flag>, compliance <flag>, type, duplicates or category.
-- decider: model, rules, people, feeds, algorithm, or nobody: no model is there to ask.
-- model: Registered model's name; null where none answered.
-- version: Version that answered: of the model, or of the algorithms.
-- answers: Rows that it answered (images, or pairs of them; feed rows for category).
-- categories: Categories it answered in, sorted.
-- last_day: Newest day among these rows.
-- answered_by_champion: That version is champion; null where no model answered.
-- champion_version: The version that is champion now; null without one.
WITH newest AS (
    SELECT DISTINCT day, category FROM latest_partitions
), said AS (
    SELECT 'signals' AS decides, 'algorithm' AS decider, NULL AS model,
           signals_version AS version, day, category, 1 AS n
    FROM image_signals SEMI JOIN newest USING (day, category)
    UNION ALL
    SELECT 'quality ' || split_part(judged, ': ', 1),
           split_part(split_part(judged, ': ', 2), ' ', 1),
           if(judged LIKE '%: model %', split_part(judged, ': ', 1), NULL),
           split_part(judged, ': model ', 2), day, category, 1
    FROM (
        SELECT unnest(judged_by) AS judged, day, category
        FROM quality_scores JOIN latest_partitions USING (day, category, product_id)
    )
    UNION ALL
    SELECT 'compliance ' || flag, if(status = 'assessed', 'model', 'nobody'),
           if(status = 'assessed', flag, NULL), model_version, day, category, n_images
    FROM flag_assessments SEMI JOIN newest USING (day, category)
    UNION ALL
    SELECT 'compliance ' || flag, 'people', NULL, '', day, category, 1
    FROM compliance_flags JOIN latest_partitions USING (day, category, product_id)
    WHERE source = 'human'
    UNION ALL
    SELECT 'type',
           CASE
               WHEN answered_by = '' THEN 'nobody'
               WHEN answered_by = 'people' OR model_version LIKE '%:people' THEN 'people'
               ELSE 'model'
           END,
           CASE
               WHEN answered_by IN ('', 'people') OR model_version LIKE '%:people' THEN NULL
               WHEN answered_by LIKE 'shared %' THEN split_part(model_version, ':', 1)
               WHEN answered_by = 'global' THEN 'image_type'
               ELSE 'image_type.' || replace(answered_by, ' ', '.')
           END,
           CASE WHEN model_version LIKE '%:people' THEN ''
                ELSE split_part(model_version, ':', -1) END,
           day, category, 1
    FROM image_types JOIN latest_partitions USING (day, category, product_id)
    UNION ALL
    SELECT 'duplicates', 'rules', NULL, '', day, category, 1
    FROM dedup_clusters JOIN latest_partitions USING (day, category, product_id)
    WHERE decided_by = 'signals'
    UNION ALL
    SELECT 'duplicates', if(decided_by = 'people', 'people', 'algorithm'), NULL,
           if(decided_by = 'people', '', comparator_version), day, category, 1
    FROM compared_pairs JOIN latest_partitions USING (day, category, product_id)
    UNION ALL
    SELECT 'category', if(source = 'model', 'model', 'feeds'),
           if(source = 'model', 'category', NULL), model_version, day, category, 1
    FROM category_resolutions WHERE outcome = 'resolved'
), counted AS (
    SELECT decides, decider, model, version, sum(n)::BIGINT AS answers,
           list(DISTINCT category ORDER BY category) AS categories, max(day) AS last_day
    FROM said GROUP BY ALL
)
SELECT
    c.decides, c.decider, c.model, c.version, c.answers, c.categories, c.last_day,
    CASE WHEN c.model IS NOT NULL THEN coalesce(m.version::VARCHAR = c.version, false) END
        AS answered_by_champion,
    m.version AS champion_version
FROM counted AS c
LEFT JOIN (FROM model_versions WHERE is_champion) AS m USING (model)
ORDER BY c.decides, c.decider, c.model, c.version
