"""Pages of review photos as they are sent: order, words, addresses, and nothing that was erased."""

from __future__ import annotations

import html
import io
import re

import pytest
from PIL import Image

from imgassets.gallery.addresses import product_address, review_photos_address
from imgassets.reviews.prompt import builtin_limits
from tests.service.reviewed.conftest import HOSTILE

CATEGORY = "backpack"


def text_of(reply) -> str:
    """What a person reads, as one line."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", reply.text).split()))


def pictures(reply) -> list[str]:
    return re.findall(r'src="/review-photos/([0-9a-f]{64})/320"', reply.text)


def test_a_products_photos_stand_in_order_with_their_weakness_in_words(
    reviewed_client, reviewed
) -> None:
    reply = reviewed_client.get(review_photos_address(CATEGORY, reviewed.product_id))
    assert reply.status_code == 200
    assert pictures(reply) == list(reviewed.photos.values())
    said = text_of(reply)
    assert f"Review photos of {reviewed.product_id}" in said
    assert "scored by review_ranker-1" in said
    assert said.count("No weakness found.") >= 3
    advice = {limit.advice for limit in builtin_limits().values()}
    assert any(sentence in said for sentence in advice)
    assert said.count("1 near-copy") == 2
    assert "About the votes: votes are simulated." in said


def test_the_list_counts_photos_and_says_what_the_votes_are(reviewed_client) -> None:
    reply = reviewed_client.get("/reviews")
    said = text_of(reply)
    assert "Products 7 Photos 28 Near-copies 2" in said
    assert "Against votes per impression Note: votes are simulated." in said
    assert re.search(r'aria-label="Pearson correlation of ranker: 0\.\d+, between', reply.text)
    for method in ("Ranker", "Rules", "Resolution", "Sharpness", "Random"):
        assert f'<th scope="row">{method}</th>' in reply.text


@pytest.mark.parametrize(
    ("query", "cards"), [("q=P1", 1), (f"category={CATEGORY}", 7), ("q=nothing", 0), ("skip=4", 3)]
)
def test_the_list_is_filtered_and_paged(reviewed_client, query, cards) -> None:
    reply = reviewed_client.get(f"/reviews?{query}")
    assert reply.status_code == 200
    assert reply.text.count('<article class="card">') == cards


def test_whatever_a_product_is_called_its_page_opens_and_says_it_escaped(reviewed_client) -> None:
    reply = reviewed_client.get(review_photos_address(CATEGORY, HOSTILE))
    assert reply.status_code == 200
    assert "<i>" not in reply.text
    assert f"Review photos of {HOSTILE}" in text_of(reply)
    assert (
        html.escape(review_photos_address(CATEGORY, HOSTILE))
        in reviewed_client.get("/reviews").text
    )


@pytest.mark.parametrize(
    "path", ["/reviews/backpack/nobody", "/reviews/hats/p1", "/reviews?category=hats"]
)
def test_what_is_not_there_is_said_so(reviewed_client, path) -> None:
    reply = reviewed_client.get(path)
    assert reply.status_code == 404
    assert "<h1" in reply.text


def test_before_anything_is_ranked_the_page_says_how_to(fresh_client) -> None:
    said = text_of(fresh_client.get("/reviews"))
    assert "No review photo has been ranked yet." in said
    assert "imgassets reviews rank" in said


def test_a_picture_is_drawn_anew_without_what_a_camera_wrote_into_it(
    reviewed_client, reviewed
) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Somebody's camera"
    Image.new("RGB", (60, 40), (200, 30, 30)).save(out, "JPEG", exif=exif)
    image_id = reviewed.store.put(out.getvalue())
    reply = reviewed_client.get(f"/review-photos/{image_id}/160")
    assert reply.headers["content-type"] == "image/webp"
    assert b"camera" not in reply.content
    assert not Image.open(io.BytesIO(reply.content)).getexif()


def test_a_forgotten_photo_is_gone_from_a_running_service(reviewed_client, reviewed) -> None:
    out = io.BytesIO()
    Image.new("RGB", (50, 40), (10, 130, 30)).save(out, "PNG")
    image_id = reviewed.store.put(out.getvalue())
    path = f"/review-photos/{image_id}/160"
    first = reviewed_client.get(path)
    assert first.status_code == 200
    assert first.headers["cache-control"] == "private, no-cache"
    seen = {"if-none-match": first.headers["etag"]}
    assert reviewed_client.get(path, headers=seen).status_code == 304
    reviewed.store.delete(image_id)
    assert reviewed_client.get(path).status_code == 404
    assert reviewed_client.get(path, headers=seen).status_code == 404
    assert reviewed_client.get(f"/images/{image_id}/160").status_code == 404


class TestRest:
    def test_a_products_photos(self, reviewed_client, reviewed) -> None:
        found = reviewed_client.get(f"/v1/products/{reviewed.product_id}/review-images").json()
        assert [photo["review_id"] for photo in found["photos"]] == list(reviewed.photos)
        assert found["model_version"] == "review_ranker-1"
        assert found["category"] == CATEGORY
        first, last = found["photos"][0], found["photos"][-1]
        assert (first["rank"], first["weakness"], len(first["copies"])) == (1, "", 1)
        assert last["weakness"] in builtin_limits()
        assert last["advice"] == builtin_limits()[last["weakness"]].advice

    def test_a_product_without_any(self, reviewed_client) -> None:
        reply = reviewed_client.get("/v1/products/nobody/review-images")
        assert reply.status_code == 404
        assert reply.json()["type"].endswith("no_review_photos")

    def test_without_a_champion_the_rules_score_a_photo(self, reviewed_client, reviewed) -> None:
        best = next(iter(reviewed.photos.values()))
        reply = reviewed_client.post(
            "/v1/review-images:score",
            files={"image": ("photo.jpg", reviewed.store.get(best))},
            data={"product_id": reviewed.product_id},
        ).json()
        assert reply["model_version"] == "limits-1"
        # Ranks of another version do not compare.
        assert (reply["rank"], reply["ranked"]) == (None, None)


def test_the_products_page_links_to_its_review_photos(reviewed_client, reviewed) -> None:
    """The shop has no image set of it, so the page of the set is asked for elsewhere."""
    address = product_address(CATEGORY, reviewed.product_id)
    page = reviewed_client.get(review_photos_address(CATEGORY, reviewed.product_id)).text
    assert address in page
