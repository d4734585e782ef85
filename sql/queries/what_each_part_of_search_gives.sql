-- One row per method of search that is compared with another, such as the re-ranker without a group
-- of features: what it gains or loses over all queries, and whether that can be chance.
SELECT model_version, dataset, method, against, queries,
       round(ndcg_10, 3) AS ndcg_10,
       round(ndcg_10_gain, 3) AS gain,
       round(ndcg_10_gain_lower, 3) AS gain_lower,
       round(ndcg_10_gain_upper, 3) AS gain_upper,
       round(ndcg_10_p_value, 4) AS p_value,
       round(recall_50_gain, 3) AS recall_50_gain
FROM search_report
WHERE slice = 'all' AND against IS NOT NULL
ORDER BY model_version, dataset, gain DESC, method
