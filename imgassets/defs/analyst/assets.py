"""What analysts work with: the views over the tables."""

import dagster as dg

from imgassets.defs.conventions import described
from imgassets.warehouse.contracts import BY_NAME
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.views import views


@dg.asset(**described("faces", "duckdb", "sql"))
def analyst_views(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
    """The analysts' views of sql/views, installed into the warehouse as they stand.

    Whatever writes to the warehouse installs them, too; this asset says which there are.
    """
    installed = warehouse.install()
    names = {*BY_NAME, *(view.name for view in views())}
    return dg.MaterializeResult(
        metadata={
            "views": len(views()),
            "newly_installed": ", ".join(installed) or "none",
            "what_one_row_is": dg.MetadataValue.table(
                [
                    dg.TableRecord(
                        {
                            "view": view.name,
                            "one row is": view.comment,
                            "reads": ", ".join(view.reads(names)),
                            "text": "new" if view.name in installed else "as before",
                        }
                    )
                    for view in views()
                ]
            ),
        }
    )
