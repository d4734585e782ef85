"""Who may use the REST interface, and how often."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import secrets
import time
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from imgassets.service.problems import ProblemError, documented
from imgassets.settings import ServiceSettings

_HEADER = APIKeyHeader(
    name="X-API-Key", auto_error=False, description="A key of the setting service.api_keys."
)

RESPONSES = documented(
    s401="The key is missing or wrong.",
    s403="No keys are set, and the request does not come from the service's own machine.",
    s413="The body is too large.",
    s422="The request is wrong; `errors` says where.",
    s429="Too many requests: wait as long as Retry-After says.",
)
"""What any request under /v1 may be answered."""


class Access:
    """Tells callers by their keys, and counts their requests.

    Args:
        settings: the keys and the rate.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._callers = {
            _digest(secret): name
            for name, _, secret in (
                key.get_secret_value().partition(":") for key in settings.api_keys
            )
        }
        self._rate = RateLimitItemPerMinute(settings.requests_per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def caller(self, key: str | None, address: str) -> str:
        """Return who asks.

        Args:
            key: the one that was sent, if any.
            address: where the request comes from.

        Raises:
            ProblemError: 401 or 403.
        """
        if not self._callers:
            if _is_loopback(address):
                return address
            raise ProblemError(
                403, "no_keys", "Requests from other machines need a key, and none is set: name "
                "some with IMGASSETS_SERVICE__API_KEYS.",
            )  # fmt: skip
        sent = _digest(key or "")
        for digest, name in self._callers.items():
            if secrets.compare_digest(digest, sent):
                return name
        raise ProblemError(
            401, "bad_key", "Send a key of this service in the header X-API-Key.",
            {"WWW-Authenticate": "ApiKey"},
        )  # fmt: skip

    def count(self, caller: str) -> None:
        """Count a request.

        Raises:
            ProblemError: 429, the caller has made too many within a minute.
        """
        if self._limiter.hit(self._rate, caller):
            return
        again = self._limiter.get_window_stats(self._rate, caller).reset_time - time.time()
        raise ProblemError(
            429, "too_many_requests", f"At most {self._rate.amount} requests a minute.",
            {"Retry-After": str(max(1, math.ceil(again)))},
        )  # fmt: skip


def _caller(request: Request, key: Annotated[str | None, Security(_HEADER)]) -> str:
    access: Access = request.app.state.access
    address = request.client.host if request.client else ""
    try:
        caller = access.caller(key, address)
    except ProblemError:
        access.count(f"unknown {address}")  # guessing keys is limited, too
        raise
    request.scope["caller"] = caller
    access.count(caller)
    return caller


Caller = Annotated[str, Depends(_caller)]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
