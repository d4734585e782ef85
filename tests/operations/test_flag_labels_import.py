from __future__ import annotations

import polars as pl
import pytest

from imgassets.operations.labels import import_flag_labels, import_image_labels
from imgassets.warehouse.contracts import FlagLabels, ImageLabels
from imgassets.warehouse.lake import Warehouse


def flags(*rows: tuple) -> pl.DataFrame:
    schema = FlagLabels.create_empty().schema
    return pl.DataFrame([(*row, "train", "f.csv") for row in rows], schema=schema, orient="row")


def types(*rows: tuple) -> pl.DataFrame:
    schema = ImageLabels.create_empty().schema
    return pl.DataFrame([(*row, "t.csv") for row in rows], schema=schema, orient="row")


def test_a_later_label_of_the_same_image_and_flag_replaces(warehouse: Warehouse) -> None:
    first = flags(("p", "a", "weapon", True, "p"), ("p", "a", "drugs", True, "p"))
    assert import_flag_labels(warehouse, first) == (2, 2)
    assert import_flag_labels(warehouse, flags(("p", "a", "weapon", False, "p"))) == (1, 2)
    found = warehouse.read(FlagLabels, columns=["flag", "value"])
    assert dict(found.iter_rows()) == {"weapon": False, "drugs": True}


def test_a_product_has_one_group_in_both_kinds_of_labels(warehouse: Warehouse) -> None:
    import_image_labels(warehouse, types(("p", "a", "front", "s1"), ("q", "b", "back", "q")))
    fine = flags(("p", "a", "weapon", True, "s1"), ("p", "b", "weapon", True, "p"))
    import_flag_labels(warehouse, fine)
    import_flag_labels(warehouse, flags(("q", "b", "weapon", True, "s2")))
    with pytest.raises(ValueError, match=r"1 products have another group .* p: s9 instead of s1"):
        import_flag_labels(warehouse, flags(("p", "c", "weapon", True, "s9")))
    assert warehouse.read(FlagLabels).height == 3
