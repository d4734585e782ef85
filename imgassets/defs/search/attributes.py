"""image_attributes: what images show; and the labels of products' attributes."""

import dagster as dg
import polars as pl

from imgassets.defs.conventions import partitioned, table_from_outside
from imgassets.defs.io_manager import AssetRows
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.search.champion import load_search_model
from imgassets.operations.image_attributes import attribute_rows
from imgassets.operations.images import report_table
from imgassets.settings import Settings

attribute_labels = table_from_outside(
    "attribute_labels",
    "search",
    "Attributes of products, such as sleeve length, as people or feeds know them; "
    "`imgassets labels attributes FILE.csv` adds to them. Search models learn from them and from "
    "what titles and descriptions name.",
)


@dg.asset(**partitioned("search", "numpy"))
def image_attributes(
    image_features: pl.DataFrame,
    image_embeddings: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    registry: dg.ResourceParam[ModelRegistry],
) -> AssetRows:
    """Attributes of what each image shows, such as sleeve length, by the search model's heads.

    From stored vectors and features alone. An image has the attributes that labels of its category
    told of; without a search model there are no rows.
    """
    champion = load_search_model(registry, settings.vision)
    found = attribute_rows(image_features, image_embeddings, champion)
    return AssetRows(
        found.rows,
        metadata={
            "model_version": champion.version or "none: `imgassets train search`",
            "images": found.n_images,
            "not_ready": found.not_ready,
            "by_attribute": report_table(found.rows, "attribute"),
            "notes": "; ".join(champion.notes) or "none",
        },
    )
