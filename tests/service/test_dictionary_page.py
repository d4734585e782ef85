"""The data dictionary in the service: one page, with style and script beside it."""

from __future__ import annotations

import re


def test_the_page_keeps_to_the_services_policy(standing_client):
    page = standing_client.get("/dictionary")
    assert page.status_code == 200
    assert 'id="ordered_image_sets"' in page.text
    assert "<style" not in page.text
    assert re.findall(r"<script[^>]*>", page.text) == ['<script src="/dictionary.js">']
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]
    for path, kind in (("/dictionary.css", "text/css"), ("/dictionary.js", "text/javascript")):
        part = standing_client.get(path)
        assert part.status_code == 200
        assert part.headers["content-type"].startswith(kind)
        assert len(part.text) > 500
