"""Commands about people's labels of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imgassets.cli.common import console, errors, open_warehouse, settings

_KINDS = {"types": "labels", "flags": "labels of flags", "unknown": "labels"}


def import_(
    file: Annotated[
        str,
        typer.Argument(
            help="CSV with product_id, image_url and image_type or flag; optional group_id. Or a "
            "folder with such files. Paths or fsspec URLs."
        ),
    ],
    quarantine: Annotated[
        bool,
        typer.Option(
            "--quarantine", help="Take the good rows of a file, as of a folder; see below."
        ),
    ] = False,
) -> None:
    """Add labels of image types, or of flags; a later label of the same image replaces the earlier.

    `none` labels an image that shows no view of the product. A file with a column `flag` says which
    images deserve a flag: `value` (yes or no; default yes) and `split` (train or holdout; default
    train) are optional. Images with one `group_id` (or `style`) are never split between training
    and evaluation; default: the product.

    A FILE is added whole or, if a row is bad, not at all. A folder is a feed, as IMGASSETS_LABELS
    is for the sensor: bad rows go to quarantine (stage `labels`), a file seen before costs nothing,
    and a corrected file withdraws the labels that it no longer has.
    """
    from imgassets.ingest.source_files import is_folder
    from imgassets.operations.label_feed import import_label_file, take_in_labels

    of = settings()
    warehouse = open_warehouse(of)
    if not quarantine and not is_folder(file):
        kind, added, total = import_label_file(warehouse, of, file)
        console.print(f"{added} {_KINDS[kind]} imported, {total} in all; next: `imgassets train`")
        return
    found = take_in_labels(warehouse, of, file)
    console.print(
        f"{len(found.files)} files of labels taken in ({found.unchanged} seen before): "
        f"{found.given} labels new or changed, {found.withdrawn} withdrawn, "
        f"{found.refused} rows refused",
        soft_wrap=True,
    )
    if found.refused:
        errors.print(
            "[yellow]refused:[/] `imgassets sql \"from quarantine where stage = 'labels'\"`",
            soft_wrap=True,
        )
    if found.given or found.withdrawn:
        console.print("next: `imgassets train`")


def attributes(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with product_id, attribute and value, e.g. 4711,sleeve_length,short."
        ),
    ],
) -> None:
    """Add labels of products' attributes; a later label of the same attribute replaces the earlier.

    The search model learns from them what images show, beside what titles and descriptions name.
    Values are spelt as the lexicon of attributes has them: "Navy Blue" becomes navy. A file is
    added whole or, if a row is bad, not at all.
    """
    from imgassets.operations.attribute_labels import import_attribute_labels

    of = settings()
    found = import_attribute_labels(open_warehouse(of), of, file)
    console.print(
        f"{found.given} labels of {', '.join(found.attributes) or 'no attribute'} imported, "
        f"{found.total} in all; next: `imgassets train search`",
        soft_wrap=True,
    )
