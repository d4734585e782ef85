"""Which products belong together: colours of one style, that no split takes apart."""

from __future__ import annotations

GROUPS = """
    labelled AS (
        SELECT product_id, min(group_id) AS group_id
        FROM (SELECT product_id, group_id FROM image_labels
              UNION SELECT product_id, group_id FROM flag_labels)
        WHERE group_id <> product_id GROUP BY product_id
    ), styled AS (
        SELECT product_id, min(style) AS style FROM review_images GROUP BY product_id
    )
"""
"""Parts of a WITH clause: what labels call a product's style, and what review files do."""
