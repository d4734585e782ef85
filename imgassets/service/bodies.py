"""Bodies of the REST interface's requests: how long they may be, and how slowly they may come.

FastAPI's ``max_body_size`` is fixed where a route is declared, before settings are known, answers
in plain text, and has no limit of time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgassets.service.problems import REST, ProblemError
from imgassets.service.security import MAX_BODY

_IDLE_SECONDS = 30.0
"""A client may pause that long within a body."""


class BodyLimits:
    """Answers bodies that are too long with 413 and those that stop with 408, before they are kept.

    Args:
        app: the application.
        max_upload_bytes: of a request with files (multipart); others are held to
            :data:`imgassets.service.security.MAX_BODY`.
    """

    def __init__(self, app: ASGIApp, max_upload_bytes: int) -> None:
        self._app = app
        self._max_upload = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and watch its body."""
        if scope["type"] != "http" or not scope["path"].startswith(REST):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        files = headers.get("content-type", "").lower().startswith("multipart/form-data")
        watch = _Watch(receive, self._max_upload if files else MAX_BODY)
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > watch.most:
            await watch.too_long().answer(scope.get("request_id", ""))(scope, receive, send)
            return
        replaced = False

        async def send_or_refuse(message: Message) -> None:
            nonlocal replaced
            if watch.refusal is None:
                await send(message)
            elif not replaced:
                # Whatever the application made of a body that was cut off.
                replaced = True
                await watch.refusal.answer(scope.get("request_id", ""))(scope, receive, send)

        await self._app(scope, watch.receive, send_or_refuse)


class _Watch:
    """Hands a body on until it breaks a limit; ``refusal`` says which then."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._seen = 0
        self._whole = False
        self.most = most
        self.refusal: ProblemError | None = None

    def too_long(self) -> ProblemError:
        return ProblemError(413, "too_large", f"Send at most {self.most} bytes at once.")

    async def receive(self) -> Message:
        """Return the next part of the body; a broken limit ends it."""
        if self._whole:  # now it is asked whether the client is still there
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), _IDLE_SECONDS)
        except TimeoutError:
            return self._end(lambda: ProblemError(
                408, "too_slow", f"No byte of the body came for {_IDLE_SECONDS:g} seconds."
            ))  # fmt: skip
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._seen > self.most:
                return self._end(self.too_long)
        return message

    def _end(self, why: Callable[[], ProblemError]) -> Message:
        self.refusal = why()
        return {"type": "http.disconnect"}
