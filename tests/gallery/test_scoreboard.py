import datetime as dt
import io

import polars as pl
import pytest
from rich.console import Console

from imgassets.gallery import ScoreRow, Tables, latest, print_scoreboard, read_truth, score
from imgassets.gallery.orders import same_order

OLD, NEW = dt.date(2026, 1, 5), dt.date(2026, 1, 6)
PART = {"day": NEW, "category": "tablets"}
IMAGES = """\
image_url,supplier,product_id,category,view,source_id,defects,usable,is_duplicate
a1,acme,p1,tablets,front,f,,true,false
a2,acme,p1,tablets,front,f,,true,true
a3,acme,p1,tablets,front,f,,true,true
a4,acme,p1,tablets,closeup,c1,,true,false
a5,acme,p1,tablets,closeup,c2,,true,false
a6,acme,p1,tablets,back,b,blurry,false,false
a7,acme,p1,tablets,back,b,low_resolution;blurry,false,false
a8,acme,p1,tablets,none,,corrupt,false,false
a9,acme,p1,tablets,none,,dead_url,false,false
b1,acme,p2,tablets,front,f,,true,false
c1,acme,p3,tablets,none,x,placeholder,false,false
"""
PRODUCTS = """\
product_id,category,expected_order,expected_views,split
p1,tablets,f;c1;c2,front;closeup;closeup,test
p2,tablets,f,front,train
p3,tablets,,,test
"""
BYTES = {"a1": "A", "a2": "A", "a3": "B", "a4": "C", "a5": "D", "a6": "E", "a7": "F", "b1": "G",
         "c1": "H"}  # fmt: skip


def rows(columns, values, **schema):
    names = columns.split()
    frame = pl.DataFrame(
        [{**PART, **dict(zip(names, value, strict=True))} for value in values],
        schema={"day": pl.Date, "category": pl.String, **dict.fromkeys(names, pl.String), **schema},
    )
    return frame


def image_rows(columns, values, **schema):
    return rows(f"product_id image_id {columns}", values, **schema)


@pytest.fixture
def truth(tmp_path):
    (tmp_path / "images.csv").write_text(IMAGES)
    (tmp_path / "products.csv").write_text(PRODUCTS)
    return read_truth(tmp_path)


def tables(**changed):
    product = {"a": "p1", "b": "p2", "c": "p3"}
    distinct = {(product[url[0]], image) for url, image in BYTES.items()}
    verdicts = {"E": ["blurry"], "F": ["blurry"], "H": ["placeholder"]}
    kept = [(p, i) for p, i in sorted(distinct) if i not in verdicts]
    types = {"A": "front", "B": "front", "C": "closeup", "D": "front", "G": "front"}
    clusters = {"B": "A"}
    frames = {
        "fetched": rows("product_id image_url image_id",
                        [(product[u[0]], u, i) for u, i in BYTES.items()]),
        "quarantine": rows("stage product_id image_url rule_id",
                           [("fetch", "p1", "a8", "truncated"),
                            ("fetch", "p1", "a9", "missing_file")]),
        "aggregated": image_rows("", sorted(distinct)),
        "quality": image_rows(
            "passed failed_rules",
            [(p, i, i not in verdicts, verdicts.get(i, [])) for p, i in sorted(distinct)],
            passed=pl.Boolean, failed_rules=pl.List(pl.String)),
        "types": image_rows("image_type", [(p, i, types[i]) for p, i in kept]),
        "clusters": image_rows("cluster_id", [(p, i, clusters.get(i, i)) for p, i in kept]),
        "ordered": rows("product_id rank image_id",
                        [("p1", 1, "A"), ("p1", 2, "D"), ("p1", 3, "C"), ("p2", 1, "G")],
                        rank=pl.Int32),
    }  # fmt: skip
    return Tables(**{**frames, **changed})


def named(truth, **changed):
    return {row.measure: row for row in score(*truth, tables(**changed))}


def counts(row):
    return row.found, row.missed, row.wrong


def test_row_arithmetic():
    row = ScoreRow("m", 6, 2, 3)
    assert row.precision == pytest.approx(6 / 9)
    assert row.recall == pytest.approx(6 / 8)
    assert row.f1 == pytest.approx(12 / 17)
    empty = ScoreRow("m", 0, 0, 0)
    assert (empty.precision, empty.recall, empty.f1) == (None, None, 0.0)


def test_the_whole_board(truth):
    board = {measure: counts(row) for measure, row in named(truth).items()}
    assert board == {
        "Broken files quarantined, by the right rule": (2, 0, 0),
        "Usable images aggregated": (6, 0, 0),
        "Low resolution images caught": (0, 1, 0),
        "Blurry images caught": (2, 0, 0),
        "Small object images caught": (0, 0, 0),
        "Placeholder images caught": (1, 0, 0),
        "Usable images kept by the quality rules": (6, 0, 0),
        "Views typed 'closeup'": (1, 1, 0),
        "Views typed 'front'": (2, 0, 1),
        "Views of products not trained on": (3, 1, 1),
        "Duplicate pairs": (3, 0, 0),
        "Duplicate pairs, other bytes": (2, 0, 0),
        "Products whose order is exactly right": (3, 0, 0),
        "Products with the right hero": (3, 0, 0),
    }


def test_a_broken_file_needs_the_right_rule(truth):
    wrong_rule = rows("stage product_id image_url rule_id",
                      [("fetch", "p1", "a8", "not_found"), ("feed", "p1", "a9", "missing_file"),
                       ("fetch", "p2", "b1", "timeout")])  # fmt: skip
    fetched = tables().fetched.filter(pl.col("image_url") != "b1")
    board = named(truth, quarantine=wrong_rule, fetched=fetched)
    row = board["Broken files quarantined, by the right rule"]
    assert counts(row) == (0, 2, 1)
    assert row.note.startswith("1 more were quarantined")


def test_defects_rejected_by_another_rule_are_said(truth):
    row = named(truth)["Low resolution images caught"]
    assert "1 of the missed were rejected by another rule" in row.note


def test_false_rejects(truth):
    quality = image_rows("passed failed_rules", [("p1", "C", False, ["blurry"])],
                         passed=pl.Boolean, failed_rules=pl.List(pl.String))  # fmt: skip
    board = named(truth, quality=quality)
    kept = board["Usable images kept by the quality rules"]
    assert (*counts(kept), kept.result) == (5, 1, 0, pytest.approx(1 / 6))
    assert counts(board["Blurry images caught"]) == (0, 2, 1)


def test_type_macro_f1_counts_only_products_not_trained_on(truth):
    macro = named(truth)["Views of products not trained on"]
    assert macro.result == pytest.approx((2 / 3 + 4 / 5) / 2)
    rows_of_p2 = score(*truth, tables(), test_products={"p2"})
    assert [r.measure for r in rows_of_p2 if r.measure.startswith("Views typed")] == [
        "Views typed 'front'"
    ]


def test_duplicate_pairs(truth):
    clusters = image_rows("cluster_id", [("p1", "A", "A"), ("p1", "B", "B"), ("p1", "C", "C"),
                                         ("p1", "D", "C")])  # fmt: skip
    board = named(truth, clusters=clusters)
    assert counts(board["Duplicate pairs"]) == (1, 2, 1)
    assert counts(board["Duplicate pairs, other bytes"]) == (0, 2, 1)


@pytest.mark.parametrize(
    ("ranked", "outcome"),
    [
        ("ACD", (3, 0, 0)),
        ("BDC", (3, 0, 0)),  # another copy of the front, close-ups the other way round
        ("CAD", (2, 0, 1)),  # views in another order
        ("AC", (2, 0, 1)),  # one missing
        ("ABCD", (2, 0, 1)),  # a copy too many
        ("ACC", (2, 0, 1)),  # the same source twice instead of both
        ("ECD", (2, 0, 1)),  # a blurry image
        ("ACZ", (2, 0, 1)),  # an image the truth does not know
        ("", (2, 1, 0)),
    ],
)
def test_order(truth, ranked, outcome):
    chosen = [("p1", rank, image) for rank, image in enumerate(ranked, 1)] + [("p2", 1, "G")]
    ordered = rows("product_id rank image_id", chosen, rank=pl.Int32)
    row = named(truth, ordered=ordered)["Products whose order is exactly right"]
    assert counts(row) == outcome
    assert row.result == pytest.approx(outcome[0] / 3)


@pytest.mark.parametrize(
    ("ranked", "outcome"),
    [
        ("BDC", (3, 0, 0)),
        ("AZ", (3, 0, 0)),  # whatever follows
        ("CAD", (2, 0, 1)),
        ("EA", (2, 0, 1)),  # a blurry image
        ("", (2, 1, 0)),
    ],
)
def test_hero(truth, ranked, outcome):
    chosen = [("p1", rank, image) for rank, image in enumerate(ranked, 1)] + [("p2", 1, "G")]
    ordered = rows("product_id rank image_id", chosen, rank=pl.Int32)
    assert counts(named(truth, ordered=ordered)["Products with the right hero"]) == outcome


def test_a_set_where_nothing_is_usable_is_wrong(truth):
    ordered = pl.concat([tables().ordered, rows("product_id rank image_id", [("p3", 1, "H")],
                                                rank=pl.Int32)])  # fmt: skip
    row = named(truth, ordered=ordered)["Products whose order is exactly right"]
    assert counts(row) == (2, 0, 1)


def test_a_defective_copy_in_the_right_place_is_said(truth):
    images, products = truth
    images = images.with_columns(
        usable=pl.when(pl.col("image_url") == "b1").then(pl.lit("false")).otherwise("usable")
    )
    row = named((images, products))["Products whose order is exactly right"]
    assert counts(row) == (2, 0, 1)
    assert "1 more are right if a defective copy" in row.note


def test_same_order_keeps_sources_with_their_views():
    assert same_order(["1", "2", "3"], ["f", "c", "c"], ["1", "3", "2"], ["f", "c", "c"])
    assert not same_order(["2", "1"], ["f", "c"], ["1", "2"], ["f", "c"])
    assert same_order([], [], [], [])


def test_only_the_newest_partition_of_a_product_counts(truth):
    stale = tables().ordered.filter(product_id="p1").with_columns(
        day=pl.lit(OLD), image_id=pl.lit("Z")
    )  # fmt: skip
    ordered = pl.concat([stale, tables().ordered.filter(product_id="p2")])
    row = named(truth, ordered=ordered)["Products whose order is exactly right"]
    assert counts(row) == (2, 1, 0)


def test_latest():
    frame = pl.DataFrame(
        {
            "day": [OLD, NEW, NEW, OLD],
            "category": ["c", "c", "c", "d"],
            "product_id": ["p", "p", "p", "p"],
            "n": [1, 2, 3, 4],
        }
    )
    assert latest(frame)["n"].to_list() == [2, 3, 4]
    days = pl.DataFrame({"category": ["c"], "product_id": ["p"], "day": [dt.date(2026, 1, 7)]})
    assert latest(frame, days).is_empty()


def test_without_a_split_every_product_is_scored(truth):
    images, products = truth
    board = {r.measure: r for r in score(images, products.drop("split"), tables())}
    assert counts(board["Views typed 'front'"]) == (3, 0, 1)


def test_typed_truth_frames_do_as_well(truth):
    images, products = truth
    images = images.with_columns(
        usable=pl.col("usable") == "true", defects=pl.col("defects").replace("", None)
    )
    assert score(images, products, tables()) == score(*truth, tables())


def test_nothing_done_yet(truth):
    empty = Tables(**{name: getattr(tables(), name).clear() for name in Tables.__annotations__})
    board = {r.measure: counts(r) for r in score(*truth, empty)}
    assert board["Usable images aggregated"] == (0, 6, 0)
    assert board["Views of products not trained on"] == (0, 0, 0)
    assert board["Products whose order is exactly right"] == (1, 2, 0)


def test_print_scoreboard():
    console = Console(file=io.StringIO(), width=120)
    print_scoreboard([ScoreRow("Duplicate pairs", 1200, 1, 0, 0.5, "A note.")], console)
    text = console.file.getvalue()
    for part in ("Duplicate pairs", "A note.", "1,200", "100.0%", "50.0%"):
        assert part in text
