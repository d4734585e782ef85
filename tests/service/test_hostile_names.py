"""Addresses whose parts are SQL are answered like those of things that do not exist."""

from urllib.parse import quote

import httpx2
import pytest

_HOSTILE = "x'); drop table--"
_AS_PART = quote(_HOSTILE, safe="")


@pytest.mark.parametrize(
    "path",
    [
        f"/products?q={_AS_PART}&category={_AS_PART}",
        f"/products/{_AS_PART}",
        f"/products/{_AS_PART}/{_AS_PART}",
        f"/reviews/{_AS_PART}/{_AS_PART}",
        f"/impact/{_AS_PART}/{_AS_PART}/{_AS_PART}",
        f"/impact?category={_AS_PART}",
        f"/search?q={_AS_PART}&category={_AS_PART}",
        f"/history?at={_AS_PART}",
        f"/images/{_AS_PART}/200",
        f"/v1/search?text={_AS_PART}&category={_AS_PART}",
    ],
)
def test_no_address_reaches_the_database_as_sql(standing_client: httpx2.Client, path: str) -> None:
    answer = standing_client.get(path)
    assert answer.status_code < 500
    assert "Parser Error" not in answer.text
    assert standing_client.get("/healthz").json()["status"] == "ok"
    assert standing_client.get("/products").status_code == 200
