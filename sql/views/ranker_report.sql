-- One row per ranker's version, data set, slice and method: how well its order is right, the best first.
-- Accuracy is the share of pairs in the right order: 0.5 is chance. Read note: votes may be simulated.
--
-- accuracy: Share of pairs of photos that the method orders rightly.
-- accuracy_lower: Lower end of its 95 % interval, from resampling products, styles or sources.
-- accuracy_upper: Upper end.
-- pearson: Correlation of score and votes per impression, or of score and severity.
-- pearson_lower: Lower end of its interval.
-- pearson_upper: Upper end.
-- spearman: Correlation of their ranks.
-- spearman_lower: Lower end of its interval.
-- spearman_upper: Upper end.
-- photos: Photos that correlations are of; null where there are none.
-- pairs: Pairs that the accuracy is of, likewise.
SELECT
    model_version, dataset, slice, method,
    max(value) FILTER (measure = 'pairwise_accuracy') AS accuracy,
    max(lower) FILTER (measure = 'pairwise_accuracy') AS accuracy_lower,
    max(upper) FILTER (measure = 'pairwise_accuracy') AS accuracy_upper,
    max(value) FILTER (measure = 'pearson') AS pearson,
    max(lower) FILTER (measure = 'pearson') AS pearson_lower,
    max(upper) FILTER (measure = 'pearson') AS pearson_upper,
    max(value) FILTER (measure = 'spearman') AS spearman,
    max(lower) FILTER (measure = 'spearman') AS spearman_lower,
    max(upper) FILTER (measure = 'spearman') AS spearman_upper,
    max(n) FILTER (measure != 'pairwise_accuracy') AS photos,
    max(n) FILTER (measure = 'pairwise_accuracy') AS pairs,
    any_value(note) AS note
FROM ranking_evaluations
GROUP BY model_version, dataset, slice, method
ORDER BY
    model_version, dataset, slice, accuracy DESC NULLS LAST, pearson DESC NULLS LAST,
    method != 'ranker', method
