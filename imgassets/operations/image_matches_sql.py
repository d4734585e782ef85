"""What :mod:`imgassets.operations.image_matches` asks of DuckDB; names in braces are filled in."""

from imgassets.selection.comparator import GRAYSCALE

# Half of an image_id is enough to name it, as a UUID a quarter of its length, in the same order.
HASHES = f"""
    left(image_id, 32)::UUID AS id,
    try_cast('0x' || object_phash AS UBIGINT) AS object_phash,
    try_cast('0x' || edge_dhash AS UBIGINT) AS edge_dhash,
    try_cast('0x' || phash AS UBIGINT) AS phash,
    try_cast('0x' || dhash AS UBIGINT) AS dhash,
    colourfulness < {GRAYSCALE} AS colourless
"""

# About half of a pHash's bits are set, by its median: fewer where most frequencies are missing.
# Blank pictures, stripes and smooth gradients also have an edge dHash that is all but constant.
STRUCTURED = """
    bit_count(object_phash) BETWEEN 16 AND 48 AND bit_count(edge_dhash) BETWEEN 4 AND 60
    AND phash IS NOT NULL AND dhash IS NOT NULL
"""

PICTURES = f"""
CREATE TEMP TABLE pictures AS
SELECT *, coalesce({STRUCTURED}, false) AS structured
FROM (
    SELECT id, min(object_phash) AS object_phash, min(edge_dhash) AS edge_dhash,
        min(phash) AS phash, min(dhash) AS dhash, bool_and(colourless) AS colourless
    FROM (SELECT {HASHES} FROM image_signals WHERE signals_version = {{version}})
    GROUP BY id
)
"""

# Counting all bands would take a group for each. Only bands that are crowded together with others
# of the same last bits can be crowded themselves, which are few.
CROWDED = """
CREATE OR REPLACE TEMP TABLE crowded AS
SELECT band FROM banded
SEMI JOIN (
    SELECT band & 1048575 AS low FROM banded GROUP BY low HAVING count(*) > {crowded}
) AS suspect ON suspect.low = (band & 1048575)
GROUP BY band HAVING count(*) > {crowded}
"""

COMPARE_ALL = """
INSERT INTO pairs
SELECT DISTINCT near.* FROM (
    SELECT l.id AS left_id, r.id AS right_id
    FROM (FROM banded ANTI JOIN crowded USING (band)) AS l
    JOIN banded AS r ON l.band = r.band AND l.id < r.id
    WHERE {near}
) AS near ANTI JOIN pairs USING (left_id, right_id)
"""

# Members stand in line by their hashes, and the line is cut into stretches: a member meets those of
# its own stretch and the next one, and of them the next few.
COMPARE_NEIGHBOURS = """
INSERT INTO pairs
WITH members AS (
    SELECT *, row_number() OVER (PARTITION BY band ORDER BY object_phash, edge_dhash, id) AS place
    FROM banded SEMI JOIN crowded USING (band)
)
SELECT DISTINCT near.* FROM (
    SELECT least(l.id, r.id) AS left_id, greatest(l.id, r.id) AS right_id
    FROM (
        SELECT *, unnest([place // {neighbours}, place // {neighbours} + 1]) AS stretch
        FROM members
    ) AS l
    JOIN (SELECT *, place // {neighbours} AS stretch FROM members) AS r USING (band, stretch)
    WHERE r.place - l.place BETWEEN 1 AND {neighbours} AND {near}
) AS near ANTI JOIN pairs USING (left_id, right_id)
"""

# The same image may be in many partitions, with the same signals: one row of them is named by its
# number, for DuckDB cannot spill histograms while it groups.
LOOKS = """
CREATE TEMP TABLE looks AS
SELECT s.image_id, s.hsv_histogram, p.* EXCLUDE (phash, dhash, structured)
FROM image_signals AS s
JOIN (
    SELECT left(image_id, 32)::UUID AS id, min(rowid) AS number
    FROM image_signals
    SEMI JOIN (SELECT left_id AS id FROM pairs UNION SELECT right_id FROM pairs) AS w
        ON w.id = left(image_id, 32)::UUID
    WHERE signals_version = {version}
    GROUP BY ALL
) AS one ON one.number = s.rowid
JOIN pictures AS p ON p.id = one.id
"""

# A histogram that is empty, or holds what is not a number, keeps no limit.
DISTANCES = """
    bit_count(xor(l.object_phash, r.object_phash))::INTEGER AS phash_distance,
    bit_count(xor(l.edge_dhash, r.edge_dhash))::INTEGER AS edge_dhash_distance,
    CASE
        WHEN l.colourless <> r.colourless THEN 0
        WHEN len(l.hsv_histogram) = len(r.hsv_histogram) THEN list_sum(list_transform(
            list_zip(l.hsv_histogram, r.hsv_histogram),
            lambda bin: CASE WHEN bin[1] + bin[2] > 0
                THEN (bin[1] - bin[2]) ** 2 / (bin[1] + bin[2]) ELSE 0 END
        ))
    END::FLOAT AS hsv_distance
"""

MATCHES = f"""
SELECT * FROM (
    SELECT l.image_id AS left_image_id, r.image_id AS right_image_id, {DISTANCES},
        {{version}} AS signals_version
    FROM pairs JOIN looks AS l ON l.id = left_id JOIN looks AS r ON r.id = right_id
)
WHERE hsv_distance <= {{hsv}}
"""

# Histograms are most of a table's size: they are read for the few images whose hashes are near.
MATCHES_OF = f"""
WITH pictures AS NOT MATERIALIZED (
    SELECT image_id, {HASHES} FROM image_signals WHERE signals_version = {{version}}
), one AS MATERIALIZED (
    SELECT * FROM pictures WHERE image_id = {{image}} AND {STRUCTURED} LIMIT 1
), alike AS MATERIALIZED (
    SELECT DISTINCT r.*
    FROM one AS l JOIN (FROM pictures WHERE {STRUCTURED}) AS r ON r.id <> l.id AND {{near}}
), histograms AS MATERIALIZED (
    SELECT DISTINCT ON (image_id) image_id, hsv_histogram FROM image_signals
    SEMI JOIN (SELECT image_id FROM alike UNION SELECT image_id FROM one) USING (image_id)
    WHERE signals_version = {{version}} ORDER BY image_id, day, category
)
SELECT * FROM (
    SELECT r.image_id, {DISTANCES}
    FROM (FROM one JOIN histograms USING (image_id)) AS l,
        (FROM alike JOIN histograms USING (image_id)) AS r
)
WHERE hsv_distance <= {{hsv}}
ORDER BY phash_distance + edge_dhash_distance, hsv_distance, image_id
"""

COUNTS = """
SELECT (SELECT count(*) FROM image_matches), count(*) FROM (
    SELECT left_image_id FROM image_matches UNION SELECT right_image_id FROM image_matches
)
"""

# Most images are shown by one product and look like none: they are left out before anything is
# gathered for each.
SHARED = """
WITH shown AS MATERIALIZED (
    SELECT DISTINCT a.image_id, a.product_id, a.category
    FROM aggregated_images AS a JOIN latest_partitions USING (day, category, product_id)
), alike AS (
    SELECT left_image_id AS image_id, right_image_id AS other FROM look_alikes
    UNION ALL SELECT right_image_id, left_image_id FROM look_alikes
), compared AS (
    FROM alike SEMI JOIN shown USING (image_id)
    UNION SELECT image_id, image_id FROM alike SEMI JOIN shown USING (image_id)
    UNION SELECT image_id, image_id FROM shown GROUP BY image_id HAVING count(*) > 1
), shared AS (
    SELECT c.image_id, count(DISTINCT o.product_id) AS products,
        count(DISTINCT o.product_id) FILTER (o.image_id = c.image_id) AS exact,
        list_sort(list(DISTINCT o.category)) AS categories
    FROM compared AS c JOIN shown AS o ON o.image_id = c.other
    GROUP BY c.image_id HAVING count(DISTINCT o.product_id) > 1
)
"""
