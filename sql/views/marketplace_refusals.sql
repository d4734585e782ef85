-- One row per image and marketplace that would refuse it, newest day only, with the reasons.
-- Only broken required rules count. Rules about a product's main image (background, framing) count
-- for heroes alone: marketplace_compliance says how any image would do in that place.
--
-- authority: Marketplace: google, amazon or walmart.
-- rank: Its place in the newest image set; null where it is not in it.
-- is_hero: It comes first there.
-- broken_rules: How many rules it breaks.
-- rule_ids: Their ids.
-- reasons: What each asks, what was found, and what is allowed.
SELECT
    c.authority, c.day, c.category, c.product_id, c.image_id,
    o.rank, coalesce(o.is_hero, false) AS is_hero,
    count(*) AS broken_rules,
    list(c.rule_id ORDER BY c.rule_id) AS rule_ids,
    string_agg(
        c.title || ' (found ' || c.measured || ', allowed ' || c."limit" || ')', '; '
        ORDER BY c.rule_id
    ) AS reasons,
    a.suppliers, a.image_urls
FROM marketplace_compliance AS c
JOIN latest_partitions USING (day, category, product_id)
JOIN aggregated_images AS a USING (day, category, product_id, image_id)
LEFT JOIN ordered_image_sets AS o USING (day, category, product_id, image_id)
WHERE c.status = 'fail' AND c.severity = 'required' AND (c.scope = 'any image' OR o.is_hero)
GROUP BY ALL
ORDER BY c.authority, c.category, c.product_id, o.rank NULLS LAST, c.image_id
