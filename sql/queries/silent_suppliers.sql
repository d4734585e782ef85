-- One row per supplier: its latest feed, and how many days behind the newest one of all it is.
SELECT supplier_id, max(day) AS last_day,
       (SELECT max(day) FROM feed_files) - max(day) AS days_behind,
       count(DISTINCT day) AS days_with_feeds, count(DISTINCT category) AS categories,
       sum(n_rows)::BIGINT AS feed_rows
FROM feed_files
GROUP BY supplier_id
ORDER BY days_behind DESC, supplier_id
