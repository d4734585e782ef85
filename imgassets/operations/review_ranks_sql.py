"""The queries of ranking review photos: what stands on a day, and what a rank is made of."""

# Of each product that a day's files name: every photo known up to that day, as last told. A review
# that was moved to another product since is that product's.
PHOTOS = """
WITH named AS (SELECT DISTINCT day, category, product_id FROM review_images WHERE {partitions}),
told AS (
    SELECT n.day, n.category, n.product_id, r.day AS told_on, r.review_id, r.style,
        r.image_location, r.submitted_at, r.helpful_votes, r.impressions
    FROM named AS n
    JOIN review_images AS r
        ON r.category = n.category AND r.product_id = n.product_id AND r.day <= n.day
),
newest AS (
    SELECT t.* FROM told AS t
    WHERE NOT EXISTS (
        SELECT 1 FROM review_images AS later
        WHERE later.category = t.category AND later.review_id = t.review_id
            AND later.day > t.told_on AND later.day <= t.day
    )
)
SELECT p.day, p.category, p.product_id, p.review_id, p.style, p.submitted_at, p.helpful_votes,
    p.impressions, arg_max(f.image_id, f.day) AS image_id
FROM newest AS p
JOIN fetched_review_images AS f
    ON f.category = p.category AND f.review_id = p.review_id
        AND f.image_location = p.image_location AND f.day <= p.day
GROUP BY ALL
ORDER BY ALL
"""

# One row per photo: it is measured once per version, in whatever partition it came first.
FEATURES = """
SELECT {columns} FROM review_signals
SEMI JOIN wanted USING (category, image_id)
WHERE signals_version = {version}
QUALIFY row_number() OVER (PARTITION BY category, image_id ORDER BY day) = 1
ORDER BY category, image_id
"""

# Rows are hashed one by one and summed: they have keys, so no two are alike.
CONTENTS = """
WITH named AS (SELECT DISTINCT day, category, product_id FROM review_images),
parts AS (
    SELECT day, category, product_id, count(*) AS n, sum(md5_number_lower(concat_ws('|',
        review_id, product_id, style, image_location, coalesce(submitted_at::VARCHAR, ''),
        coalesce(helpful_votes::VARCHAR, ''), coalesce(impressions::VARCHAR, '')))::HUGEINT) AS sum
    FROM review_images GROUP BY ALL
    UNION ALL
    SELECT day, category, product_id, count(*), sum(md5_number_lower(concat_ws('|',
        review_id, image_location, image_id))::HUGEINT)
    FROM fetched_review_images GROUP BY ALL
    UNION ALL
    SELECT day, category, product_id, count(*),
        sum(md5_number_lower(concat_ws('|', image_id, 'measured'))::HUGEINT)
    FROM fetched_review_images
    SEMI JOIN (
        SELECT category, image_id FROM review_signals WHERE signals_version = {version}
    ) AS measured USING (category, image_id)
    GROUP BY ALL
)
SELECT n.day, n.category, sum(p.n) || ' ' || sum(p.sum) AS content,
    count(DISTINCT n.product_id) AS products, sum(p.n)::BIGINT AS rows
FROM named AS n
JOIN parts AS p
    ON p.category = n.category AND p.product_id = n.product_id AND p.day <= n.day
GROUP BY ALL
ORDER BY ALL
"""
