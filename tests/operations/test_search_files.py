"""Judged products in files: split, looked at, and what is left out."""

import shutil

import polars as pl
import pytest

from imgassets.operations.search_files import SearchFiles, read_search_files
from imgassets.search.attributes import load_lexicon
from imgassets.settings import VisionSettings
from imgassets.vision.inputs import InputSpec
from tests.judged_products import TESTED, write_judged_products

SPEC = InputSpec(32, "pad")
VISION = VisionSettings(workers=1)


def read(folder, **options):
    files = SearchFiles(
        *(folder / f"{name}.csv" for name in ("products", "queries", "qrels")), group=["style"]
    )
    return read_search_files(files, load_lexicon(), SPEC, VISION, seed=0, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = write_judged_products(tmp_path_factory.mktemp("judged"))
    (made / "images" / "blue-disc-0.png").write_bytes(b"no picture")
    (made / "images" / "blue-disc-1.png").unlink()
    shutil.copy(made / "images" / "red-disc-0.png", made / "images" / "blue-disc-2.png")
    return made


TOLD = []


@pytest.fixture(scope="module")
def found(folder):
    return read(folder, tell=lambda done, total: TOLD.append((done, total)))


def test_groups_of_tested_queries_are_the_gallery_and_nothing_else_of_them_is_learnt_from(found):
    data = found.data
    in_test = pl.col("item_id").str.contains(f"^({'|'.join(TESTED)})-")
    assert data.test.rows.select(in_test.all()).item()
    assert not data.train.rows.select(in_test.any()).item()
    assert len(data.test) == 2 * 3 * 4
    assert not set(data.train.rows["group_id"]) & set(data.test.rows["group_id"])
    assert set(data.test_queries.judgements["item_id"]) <= set(data.test.rows["item_id"])
    assert set(data.train_queries.judgements["item_id"]) <= set(data.train.rows["item_id"])
    assert data.test_queries.queries["query"].str.contains("|".join(TESTED)).all()


def test_rows_squares_and_features_belong_together(found):
    train = found.data.train
    assert train.squares.shape == (len(train), 32, 32, 3)
    assert train.features.height == len(train)
    assert train.input == SPEC
    red = found.data.test.rows["item_id"].str.starts_with("red-square").to_numpy()
    middle = found.data.test.squares[red][:, 16, 16]
    assert (middle[:, 0] > 150).all()
    assert (middle[:, 2] < 100).all()
    names = found.data.test.features["colours"].list.first().struct.field("name").to_numpy()
    assert all("red" in name or name in ("crimson", "maroon") for name in names[red])


def test_labels_and_titles_are_those_of_the_file(found):
    row = found.data.test.rows.row(0, named=True)
    assert row["item_id"] == "green-bar-0"
    assert row["title"] == row["text"] == "A green bar"
    assert row["attributes"] == [
        {"attribute": "category", "value": "bars"}, {"attribute": "colour", "value": "green"},
    ]  # fmt: skip


def test_what_is_left_out_is_said(found):
    assert found.notes == (
        "left out: 1 products without a readable image file",
        "left out: 1 products whose image cannot be decoded",
        "left out: 1 products of the training with the very picture of one of the test",
        # Of 48 products of grade 1, those of four other colours, less three without a picture.
        "left out: 96 answers to the test's queries that are not in its gallery",
    )
    assert not set(found.data.train.rows["item_id"]) & {f"blue-disc-{n}" for n in range(3)}


def test_progress_is_told(found):
    assert TOLD[-1] == (69, 70)  # one cannot be decoded


def test_a_folder_without_the_images_is_named(folder):
    files = SearchFiles(
        *(folder / f"{name}.csv" for name in ("products", "queries", "qrels")), folder / "nowhere"
    )
    with pytest.raises(ValueError, match=r"no image of the products is in .*nowhere.*--images"):
        read_search_files(files, load_lexicon(), SPEC, VISION, seed=0)


def test_the_split_of_real_products_has_no_leak(shared, tmp_path):
    from imgassets.learning.search.files import read_judgements, read_products, read_queries
    from imgassets.learning.search.split import split_products

    fashion = shared("fashion")
    columns = ["articleType", "baseColour"]
    products = read_products(fashion / "styles.csv", load_lexicon(), columns)
    queries = read_queries(fashion / "queries.csv")
    judged = read_judgements(fashion / "qrels.csv")
    split = split_products(products.with_columns(content="product_id"), queries, judged, seed=0)
    exact = judged.filter(relevance=2).join(queries.filter(split="test"), on="query_id")
    assert set(exact["item_id"]) <= set(split.test)
    assert 2_500 < len(split.test) < 3_500
    groups = dict(products.select("product_id", "group_id").iter_rows())
    assert not {groups[p] for p in split.test} & {groups[p] for p in split.train}
