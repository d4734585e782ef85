-- One row per type of queries, by the attributes that they name, and method of search: the worst first.
SELECT model_version, dataset, slice AS queries_that, method, queries,
       round(ndcg_10, 3) AS ndcg_10,
       round(ndcg_10_lower, 3) AS ndcg_10_lower,
       round(ndcg_10_upper, 3) AS ndcg_10_upper,
       round(precision_10, 3) AS precision_10
FROM search_report
WHERE slice <> 'all'
ORDER BY model_version, dataset, ndcg_10, slice, method
