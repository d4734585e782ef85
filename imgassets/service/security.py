"""What keeps other sites' pages, and what suppliers wrote, from doing harm through a browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgassets.service.problems import REST

MAX_BODY = 256 * 1024
"""Bytes of a request's body: a hundred answers take a tenth of it."""

_SAFE_METHODS = ("GET", "HEAD")

_HEADERS = {
    # No inline script or style, nothing from elsewhere, and no page may frame this one.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SafeHeaders:
    """Adds the headers that confine a page to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and add to its answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class SameOriginOnly:
    """Refuses requests that a page of another site caused, and bodies that are not JSON.

    Browsers say where a request comes from (``Sec-Fetch-Site``, ``Origin``); a request that says
    neither comes from a program, which has no cookies or network position to be misused. Asking
    for JSON makes a browser ask first before it sends a form of another site, and no answer here
    ever allows that.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 403, 411, 413 or 415."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            writes = scope["method"] not in _SAFE_METHODS
            refusal = None
            if writes or scope["path"].startswith("/api/"):
                refusal = _foreign(headers)
            # The REST interface has limits of its own, and takes files as well.
            if writes and refusal is None and not scope["path"].startswith(REST):
                refusal = _bad_body(headers)
            if refusal is not None:
                status, error, detail = refusal
                answer = JSONResponse({"error": error, "detail": detail}, status)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


_Refusal = tuple[int, str, str]


def _foreign(headers: Headers) -> _Refusal | None:
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    own = headers.get("host", "").lower()
    if site not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc.lower() != own
    ):
        return 403, "cross_origin", "Only pages of this service may do that."
    return None


def _bad_body(headers: Headers) -> _Refusal | None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return 415, "not_json", "Send JSON, with content-type application/json."
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return 411, "no_length", "Send the body's length."
    if int(length) > MAX_BODY:
        return 413, "too_long", f"Send at most {MAX_BODY} bytes at once."
    return None
