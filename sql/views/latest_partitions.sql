-- One row per product: the newest day on which its image set was computed.
-- Join it with USING (day, category, product_id) to see the newest rows of any table.
--
-- day: That day.
-- set_status: What became of the set on that day, as image_set_changes.status says.
SELECT category, product_id, max(day) AS day, arg_max(status, day) AS set_status
FROM image_set_changes
GROUP BY category, product_id
