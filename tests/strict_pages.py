"""Pages opened by the browser tests, under watch: nothing may complain behind their back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def strict_pages(browser: Browser, url: str) -> Iterator[Callable[..., Page]]:
    """Yield a function that opens a page of a service; the body of a fixture.

    Whatever a console says, a script throws, a dialog shows, or another host is asked, fails.

    Args:
        browser: that shows the pages.
        url: of the service.
    """
    contexts, problems = [], []

    def opened(path: str, **options) -> Page:
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        context = browser.new_context(base_url=url, **options)
        contexts.append(context)
        context.set_default_timeout(60_000)
        tab = context.new_page()
        tab.on("pageerror", lambda e: problems.append(str(e)))
        tab.on("console", lambda m: problems.append(m.text))
        tab.on("dialog", lambda d: (problems.append(d.message), d.dismiss()))
        tab.on("request", lambda r: r.url.startswith(url) or problems.append(r.url))
        tab.goto(path)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert problems == []
