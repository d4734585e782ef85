-- One row per product and day on which another image came first than the last time, newest first.
SELECT r.day, r.category, r.product_id, r.before[1] AS old_hero, r.after[1] AS new_hero,
       if(list_contains(r.after, r.before[1]), 'moved back', d.rule_id) AS old_hero_now,
       d.reason
FROM set_revisions AS r
LEFT JOIN image_decisions AS d
  ON d.category = r.category AND d.product_id = r.product_id AND d.image_id = r.before[1]
WHERE r.hero_changed
ORDER BY r.day DESC, r.category, r.product_id
LIMIT 100
