-- One row per product and day on which it shows other images than the last time, or its first ones.
-- image_set_changes compares a set with what the first supplier sent; this view, with the set before.
--
-- day: Day from which the product shows the new set.
-- change: first_set, hero, images (some came or went) or order (the same ones).
-- previous_day: Day of the set before; null for the first one.
-- before: The images of the set before, in order.
-- after: The images of the new set, in order.
-- added: Images in after, not in before.
-- removed: Images in before, not in after.
-- hero_changed: The first image is another one than before.
WITH sets AS (
    SELECT day, category, product_id, after,
           lag(day) OVER product AS previous_day,
           coalesce(lag(after) OVER product, []) AS before
    FROM image_set_changes
    WINDOW product AS (PARTITION BY category, product_id ORDER BY day)
)
SELECT
    day, category, product_id,
    CASE
        WHEN previous_day IS NULL THEN 'first_set'
        WHEN before[1] IS DISTINCT FROM after[1] THEN 'hero'
        WHEN list_sort(before) <> list_sort(after) THEN 'images'
        ELSE 'order'
    END AS change,
    previous_day, before, after,
    list_filter(after, lambda image: NOT list_contains(before, image)) AS added,
    list_filter(before, lambda image: NOT list_contains(after, image)) AS removed,
    previous_day IS NOT NULL AND before[1] IS DISTINCT FROM after[1] AS hero_changed
FROM sets
WHERE before <> after OR (previous_day IS NULL AND len(after) > 0)
ORDER BY day, category, product_id
