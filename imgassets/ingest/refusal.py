"""Why something was refused: the part of a quarantine row that does not depend on whose it is."""

from __future__ import annotations

from dataclasses import dataclass

MAX_MEASURED = 200
"""Longest `measured` text, in characters: a quarantine row is read by people."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One broken rule.

    Attributes:
        rule_id: Rule that was broken, e.g. ``too_large``.
        measured: What was found, at most 200 characters.
        limit: What the rule allows.
        detail: One sentence for a person.
    """

    rule_id: str
    measured: str
    limit: str
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "measured", self.measured[:MAX_MEASURED])


class Refused(Exception):
    """Raised where a refusal has to travel up a call stack; carries it as ``refusal``."""

    def __init__(self, rule_id: str, measured: str, limit: str, detail: str) -> None:
        super().__init__(f"{rule_id}: {detail}")
        self.refusal = Refusal(rule_id, measured, limit, detail)
