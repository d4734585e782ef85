-- One row per category: the share of products with a full set of images, the lowest first.
SELECT category, products, with_images, complete, share_complete, images_per_product, most_lacked, lacking_it
FROM category_coverage
ORDER BY share_complete NULLS LAST, category
