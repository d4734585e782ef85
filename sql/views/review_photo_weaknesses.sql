-- One row per category and main weakness of review photos: how many have it, and what to tell their takers.
-- Photos without a weakness are a row of their own, with an empty weakness.
--
-- photos: Review photos of the category, duplicates left out, whose main weakness it is.
-- share_percent: Of the category's photos, in percent.
-- products: Products with such a photo.
-- mean_score: Mean of these photos' scores.
SELECT category, weakness, any_value(weakness_text) AS weakness_text, count(*) AS photos,
       round(100 * count(*) / sum(count(*)) OVER (PARTITION BY category), 1) AS share_percent,
       count(DISTINCT product_id) AS products, round(avg(score), 3) AS mean_score
FROM latest_review_ranks
WHERE status = 'ranked'
GROUP BY category, weakness
ORDER BY category, photos DESC, weakness
