"""What is a secret: kept out of what is sent to people and shown by other systems."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, SecretStr

_NAMES = re.compile(r"secret|password|token|credential|webhook|api_?key", re.IGNORECASE)
_IN_URL = re.compile(r"(://)[^/\s@]+@")
_ASSIGNED = re.compile(r"\b(password|secret|token)\s*=\s*\S+", re.IGNORECASE)
_SHORTEST = 6
"""Shorter values are no secrets, and would be found in any text."""


def may_be_secret(name: str, value: str) -> bool:
    """Tell whether a variable's name says that it is a secret, or its value has one in it.

    Args:
        name: of a variable of the environment.
        value: its value; connection strings, URLs and JSON of a group of settings may hold one.
    """
    return bool(_NAMES.search(f"{name}={value}") or _IN_URL.search(value))


def without_secrets(settings: BaseModel, text: str) -> str:
    """Return a text without the secrets of the settings and of the environment.

    Args:
        settings: whose ``SecretStr`` fields are secrets, at any depth.
        text: such as an error's message.
    """
    secrets = {*_secrets_in(settings)} | {
        value for name, value in os.environ.items() if _NAMES.search(name)
    }
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "…")
    return _ASSIGNED.sub(r"\1=…", _IN_URL.sub(r"\1…@", text))


def _secrets_in(part: object) -> Iterator[str]:
    if isinstance(part, SecretStr):
        yield part.get_secret_value()
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _secrets_in(getattr(part, name))
    elif isinstance(part, Sequence) and not isinstance(part, str | bytes):
        for item in part:
            yield from _secrets_in(item)
