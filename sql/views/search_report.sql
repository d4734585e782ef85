-- One row per model's version, data set, slice and method of search: how well it finds, the best first.
-- Each figure is a mean over queries, 0 … 1; the highest grade alone counts as relevant, except in nDCG.
--
-- queries: Queries that the figures are of.
-- recall_1: Share of a query's right products that is found first, …
-- recall_10: … among the best 10 …
-- recall_50: … and among the best 50.
-- precision_10: Share of the best 10 that is right.
-- average_precision: Mean average precision of the whole order.
-- ndcg_10: nDCG of the best 10: every grade counts, the first places count most.
-- ndcg_10_lower: Lower end of its 95 % interval, from resampling queries.
-- ndcg_10_upper: Upper end.
-- against: Method that it is compared with, query by query; null where with none.
-- ndcg_10_gain: nDCG of the best 10 less that method's.
-- ndcg_10_gain_lower: Lower end of its paired 95 % interval.
-- ndcg_10_gain_upper: Upper end.
-- ndcg_10_p_value: Of a paired randomisation test, two-sided, not adjusted for many comparisons.
-- recall_50_gain: Recall among the best 50 less that method's.
-- recall_50_gain_lower: Lower end of its paired 95 % interval.
-- recall_50_gain_upper: Upper end.
SELECT
    model_version, dataset, slice, method,
    max(n) FILTER (measure = 'nDCG@10') AS queries,
    max(value) FILTER (measure = 'R@1') AS recall_1,
    max(value) FILTER (measure = 'R@10') AS recall_10,
    max(value) FILTER (measure = 'R@50') AS recall_50,
    max(value) FILTER (measure = 'P@10') AS precision_10,
    max(value) FILTER (measure = 'mAP') AS average_precision,
    max(value) FILTER (measure = 'nDCG@10') AS ndcg_10,
    max(lower) FILTER (measure = 'nDCG@10') AS ndcg_10_lower,
    max(upper) FILTER (measure = 'nDCG@10') AS ndcg_10_upper,
    max(against) AS against,
    max(difference) FILTER (measure = 'nDCG@10') AS ndcg_10_gain,
    max(difference_lower) FILTER (measure = 'nDCG@10') AS ndcg_10_gain_lower,
    max(difference_upper) FILTER (measure = 'nDCG@10') AS ndcg_10_gain_upper,
    max(p_value) FILTER (measure = 'nDCG@10') AS ndcg_10_p_value,
    max(difference) FILTER (measure = 'R@50') AS recall_50_gain,
    max(difference_lower) FILTER (measure = 'R@50') AS recall_50_gain_lower,
    max(difference_upper) FILTER (measure = 'R@50') AS recall_50_gain_upper,
    any_value(note) AS note
FROM search_evaluations
GROUP BY model_version, dataset, slice, method
ORDER BY model_version, dataset, slice, ndcg_10 DESC NULLS LAST, method
