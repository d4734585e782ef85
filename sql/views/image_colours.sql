-- One row per product image of the newest sets and dominant colour of its object, most of it first.
--
-- place: 1 is the colour that most of the object has.
-- colour: Its name, e.g. navy.
-- share: Of the object's pixels, those in its middle counting most, 0 … 1.
-- lightness: CIELAB's L, 0 (black) … 100 (white).
-- green_red: CIELAB's a: negative is green, positive red.
-- blue_yellow: CIELAB's b: negative is blue, positive yellow.
SELECT category, product_id, rank, image_id, place,
       colour.name AS colour, colour.share AS share, colour.l AS lightness,
       colour.a AS green_red, colour.b AS blue_yellow
FROM (
    SELECT s.category, s.product_id, s.rank, s.image_id,
           unnest(f.colours) AS colour, generate_subscripts(f.colours, 1) AS place
    FROM latest_image_sets AS s JOIN image_features AS f USING (day, category, image_id)
)
ORDER BY category, product_id, rank, place
