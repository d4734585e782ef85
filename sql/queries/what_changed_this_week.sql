-- One row per category and kind of change in the seven days up to the newest: how many products.
SELECT category, change, count(*) AS products,
       sum(len(added))::BIGINT AS images_added, sum(len(removed))::BIGINT AS images_removed,
       min(day) AS first_day, max(day) AS last_day
FROM set_revisions
WHERE day > (SELECT max(day) FROM latest_partitions) - 7
GROUP BY category, change
ORDER BY category, change
