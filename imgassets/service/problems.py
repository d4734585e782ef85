"""Errors of the REST interface as problem details (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from imgassets.learning.registered import CorruptedModel, RegistryUnavailable
from imgassets.service.telemetry import request_id

MEDIA_TYPE = "application/problem+json"
REST = "/v1/"
"""Start of the paths whose errors are problems; the pages' own requests have `messages.Failure`."""

_LOG = logging.getLogger(__name__)


class Problem(BaseModel):
    """Why a request failed."""

    type: str = Field(description="For programs: 'urn:imgassets:problem:' and what went wrong.")
    title: str = Field(description="What went wrong, in a few words.")
    status: int
    detail: str = Field(description="What to do, one sentence.")
    request_id: str = Field(description="As in the header X-Request-Id and in the service's log.")
    errors: list[dict[str, str]] = Field(
        default=[], description="For each faulty part of the request: its place and what is wrong."
    )


class ProblemError(Exception):
    """A request that fails.

    Args:
        status: HTTP's.
        kind: for programs, such as 'unknown_category'.
        detail: one sentence for a person.
        headers: further ones.
        errors: see :class:`Problem`.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = [dict(error) for error in errors]

    def answer(self, of_request: str) -> JSONResponse:
        """Return the problem as a response.

        Args:
            of_request: the request's id.
        """
        problem = Problem(
            type=f"urn:imgassets:problem:{self.kind}",
            title=self.kind.replace("_", " ").capitalize(),
            status=self.status,
            detail=self.detail,
            request_id=of_request,
            errors=self.errors,
        )
        return JSONResponse(problem.model_dump(), self.status, self.headers, media_type=MEDIA_TYPE)


def documented(**statuses: str) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's responses for problems.

    Args:
        statuses: what each means, by names like ``s404``.
    """
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {
        int(name.removeprefix("s")): {"description": meaning, "content": content}
        for name, meaning in statuses.items()
    }


def add_handlers(app: FastAPI) -> None:
    """Make an application answer its errors under :data:`REST` with problems."""
    app.add_exception_handler(ProblemError, answer)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RegistryUnavailable, _no_models)
    app.add_exception_handler(CorruptedModel, _no_models)
    app.add_exception_handler(Exception, _bug)


def answer(request: Request, error: Exception) -> Response:
    """Answer a request with a :class:`ProblemError`."""
    assert isinstance(error, ProblemError)
    return error.answer(request_id(request))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if not request.url.path.startswith(REST):
        return await request_validation_exception_handler(request, error)
    errors = [
        {"where": ".".join(str(part) for part in found["loc"]), "what": str(found["msg"])[:500]}
        for found in error.errors()[:20]
    ]
    detail = f"{errors[0]['where']}: {errors[0]['what']}"
    return answer(request, ProblemError(422, "invalid_request", detail, errors=errors))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if not request.url.path.startswith(REST):
        return await http_exception_handler(request, error)
    kinds = {404: "no_such_path", 405: "method_not_allowed", 400: "unreadable_body"}
    kind = kinds.get(error.status_code, "refused")
    problem = ProblemError(error.status_code, kind, str(error.detail), error.headers)
    return answer(request, problem)


def _no_models(request: Request, error: Exception) -> Response:
    _LOG.error("request %s: %s", request_id(request), error)
    problem = ProblemError(503, "models_unavailable", str(error), {"Retry-After": "30"})
    return answer(request, problem)


def _bug(request: Request, error: Exception) -> Response:
    # Starlette has the traceback printed; the answer tells nothing of the inside.
    detail = "The service failed; its log has the reason under the request's id."
    return answer(request, ProblemError(500, "internal_error", detail))
