-- One row per vertical: least, median and greatest accuracy of its categories' types (paper A, figure 9).
-- A vertical trails if its median lies 5 points or more below that of all categories; held_back_by
-- names the categories that far below, the worst first.
--
-- vertical: The vertical; 'none' of categories without one.
-- categories: Its categories.
-- images: Labelled images held out in them.
-- least: Accuracy of its worst category.
-- median: Of the one in the middle.
-- greatest: Of its best one.
-- trails: Its median lies 5 points or more below that of all.
-- held_back_by: Its categories that far below, the worst first.
WITH everything AS (SELECT median(accuracy) AS middle FROM type_accuracy)
SELECT coalesce(vertical, 'none') AS vertical, count(*) AS categories, sum(n)::BIGINT AS images,
       min(accuracy) AS least, median(accuracy) AS median, max(accuracy) AS greatest,
       median(accuracy) <= any_value(middle) - 0.05 AS trails,
       coalesce(
           list(category ORDER BY accuracy, category) FILTER (accuracy <= middle - 0.05), []
       ) AS held_back_by
FROM type_accuracy, everything
GROUP BY ALL
ORDER BY median, vertical
