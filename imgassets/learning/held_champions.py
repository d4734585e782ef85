"""Champions for a process that lives long: the registry is asked every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from imgassets.learning.registered import ServedVersion
from imgassets.learning.registry import ModelRegistry

T = TypeVar("T")

HELD_SECONDS = 15.0
"""How long an answer of the registry holds: a new champion answers that much later at most."""


@dataclass(frozen=True)
class HeldChampions(ModelRegistry):
    """A registry whose word on champions is held for a while; thread-safe.

    Args:
        seconds: how long.
        clock: monotonic time in seconds.
    """

    seconds: float = HELD_SECONDS
    clock: Callable[[], float] = time.monotonic
    _held: dict[str, tuple[float, Any]] = field(default_factory=dict, compare=False, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, compare=False, repr=False)

    def models(self) -> list[str]:
        """Return the names of all registered models, sorted."""
        return self._hold("", super().models)

    def load_champion(self, model_name: str) -> ServedVersion | None:
        """Return the version that answers; see :meth:`ModelRegistry.load_champion`."""
        ask = super().load_champion
        return self._hold(model_name, lambda: ask(model_name))

    def _hold(self, what: str, ask: Callable[[], T]) -> T:
        with self._lock:
            asked, answer = self._held.get(what, (-self.seconds - 1, None))
            if self.clock() - asked > self.seconds:
                answer = ask()
                self._held[what] = self.clock(), answer
            held: T = answer
            return held
