-- One row per weakness of review photos: how often customers should be told of it, the most frequent first.
SELECT weakness, any_value(weakness_text) AS weakness_text, sum(photos)::BIGINT AS photos,
       round(100 * sum(photos) / sum(sum(photos)) OVER (), 1) AS share_percent
FROM review_photo_weaknesses
GROUP BY weakness
QUALIFY weakness != ''
ORDER BY photos DESC, weakness
