"""Files of products, queries and judgements: both layouts, and what is wrong with them."""

import polars as pl
import pytest

from imgassets.learning.search.files import read_judgements, read_products, read_queries
from imgassets.search.attributes import load_lexicon

MUG = {"attribute": "category", "value": "mugs"}


@pytest.fixture
def written(tmp_path):
    def write(text, name="file.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_products_of_the_plain_layout(written):
    path = written(
        "product_id,title,description,image,category,colour,sleeve_length\n"
        "p1,Blue Striped Shirt,Soft cotton,one.jpg,shirts,Navy Blue ,\n"
        "p2,,,,mugs,,short\n"
    )
    rows = read_products(path, load_lexicon()).to_dicts()
    assert rows == [
        {
            "product_id": "p1", "group_id": "p1", "category": "shirts",
            "title": "Blue Striped Shirt",
            "text": "Blue Striped Shirt Soft cotton", "image": "one.jpg",
            "attributes": [
                {"attribute": "category", "value": "shirts"},
                {"attribute": "colour", "value": "navy blue"},
                {"attribute": "material", "value": "cotton"},
                {"attribute": "pattern", "value": "striped"},
            ],
        },
        {
            "product_id": "p2", "group_id": "p2", "category": "mugs", "title": "", "text": "",
            "image": "p2.jpg",
            "attributes": [
                {"attribute": "category", "value": "mugs"},
                {"attribute": "sleeve_length", "value": "short"},
            ],
        },
    ]  # fmt: skip


def test_products_of_the_fashion_layout_grouped_by_its_columns(written):
    path = written(
        "id,gender,articleType,baseColour,productDisplayName,image\n"
        "7,Men,Shirts,Blue,A Blue Shirt,7.jpg\n"
    )
    (row,) = read_products(path, load_lexicon(), ["articleType", "baseColour"]).to_dicts()
    assert (row["product_id"], row["group_id"], row["category"]) == ("7", "Shirts|Blue", "Shirts")
    assert row["title"] == row["text"] == "A Blue Shirt"
    assert {one["attribute"]: one["value"] for one in row["attributes"]} == {
        "category": "shirts", "colour": "blue", "gender": "men",
    }  # fmt: skip


def test_products_without_labels_or_titles(written):
    (row,) = read_products(written("product_id,category\np1,mugs\n"), load_lexicon()).to_dicts()
    assert (row["attributes"], row["title"], row["image"]) == ([MUG], "", "p1.jpg")


def test_queries_and_judgements(written):
    queries = read_queries(written("query_id,query,colour,split\nq1,a mug,x,train\nq2,b,x,test\n"))
    assert queries.rows() == [("q1", "a mug", "train"), ("q2", "b", "test")]
    unsplit = read_queries(written("query_id,query\nq1,a mug\n"))
    assert unsplit["split"].to_list() == ["test"]
    judged = read_judgements(written("query_id,product_id,relevance\nq1,p1,2\n"))
    assert judged.rows() == [("q1", "p1", 2)]
    assert judged["relevance"].dtype == pl.Int64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("product_id,title\np1,x\n", "missing columns: category; the file has: product_id, title"),
        ("product_id,category\np1,a\np1,b\n", "product_id p1 is there more than once"),
        ("product_id,category\n,a\n", "a row has no product_id"),
        ("", "not a readable CSV file"),
    ],
)
def test_faulty_products_are_named(written, text, said):
    with pytest.raises(ValueError, match=said):
        read_products(written(text), load_lexicon())


def test_a_group_that_is_no_column_is_named(written):
    with pytest.raises(ValueError, match="missing columns: style"):
        read_products(written("product_id,category\np1,a\n"), load_lexicon(), ["style"])


def test_faulty_queries_and_judgements_are_named(written, tmp_path):
    with pytest.raises(ValueError, match="'train' or 'test', not dev"):
        read_queries(written("query_id,query,split\nq1,a,dev\n"))
    with pytest.raises(ValueError, match="no query is for the test"):
        read_queries(written("query_id,query,split\nq1,a,train\n"))
    with pytest.raises(ValueError, match="whole number from 0, not '-1', 'high'"):
        read_judgements(written("query_id,product_id,relevance\nq,p,high\nq,r,-1\n"))
    with pytest.raises(ValueError, match="query_id q and product_id p is there more than once"):
        read_judgements(written("query_id,product_id,relevance\nq,p,1\nq,p,2\n"))
    with pytest.raises(ValueError, match="not a readable CSV file"):
        read_queries(tmp_path / "none.csv")
