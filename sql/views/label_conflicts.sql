-- One row per label that another file contradicts, or whose type its category does not list.
--
-- conflict: files_disagree, or type_not_listed: its category has no such type.
-- flag: The flag that is labelled, or image_type.
-- stands: The label that counts: the last one given.
-- detail: Who says what.
WITH said AS (
    SELECT product_id, image_url, flag, value, string_agg(file, ', ' ORDER BY file) AS files,
           max(sequence) AS given
    FROM file_labels GROUP BY ALL
), disputed AS (
    SELECT product_id, image_url, flag,
           string_agg(value || ' (' || files || ')', '; ' ORDER BY given DESC, value) AS detail,
           arg_max(value, given) AS stands
    FROM said GROUP BY ALL HAVING count(*) > 1
), listed AS (
    SELECT o.product_id, string_agg(o.category, ', ' ORDER BY o.category) AS categories,
           flatten(list(c.types ORDER BY o.category)) AS types
    FROM (SELECT DISTINCT product_id, category FROM supplier_offers) AS o
    LEFT JOIN categories AS c USING (category)
    GROUP BY ALL HAVING count(c.category) = count(*)
)
SELECT 'files_disagree' AS conflict, product_id, image_url, flag, stands, detail
FROM disputed
UNION ALL
SELECT 'type_not_listed', product_id, image_url, 'image_type', image_type,
       categories || ' has the types ' || array_to_string(list_distinct(types), ', ')
FROM image_labels JOIN listed USING (product_id)
WHERE image_type <> 'none' AND NOT list_contains(types, image_type)
ORDER BY ALL
