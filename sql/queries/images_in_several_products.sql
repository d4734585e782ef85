-- One row per image that several products show, those of several categories first: stock photos, or a mix-up.
SELECT image_id,
       len(list_distinct(list(product_id) || list(other_product_id))) AS products,
       count(DISTINCT product_id) AS with_the_same_bytes,
       list_sort(list_distinct(list(category) || list(other_category))) AS categories,
       list_sort(list_distinct(flatten(list(suppliers) || list(other_suppliers)))) AS suppliers
FROM same_image_in_products
GROUP BY image_id
ORDER BY len(categories) DESC, products DESC, image_id
LIMIT 20
