"""Champions of several models at once: the registry is asked once whether it is there."""

from __future__ import annotations

from collections.abc import Iterable

from imgassets.learning.registered import RegistryUnavailable, ServedVersion
from imgassets.learning.registry import ModelRegistry


def load_champions(
    registry: ModelRegistry, models: Iterable[str]
) -> tuple[dict[str, ServedVersion], list[str]]:
    """Return the champions of some models, the cached ones where the registry is down.

    Args:
        registry: where they are.
        models: names; those without a champion are left out.

    Returns:
        Model to champion in the order of ``models``, and what a person should know.

    Raises:
        CorruptedModel: a champion's files are not those that were registered.
    """
    wanted = list(models)
    notes: list[str] = []
    try:
        registered = set(registry.models())
    except RegistryUnavailable as error:
        cached = {name: registry.cached_champion(name, error) for name in wanted}
        found = {name: served for name, served in cached.items() if served is not None}
        notes = sorted({served.stale for served in found.values()})
        if missing := [name for name in wanted if name not in found]:
            notes.append(f"{error.what}: no champion is cached of {', '.join(missing)}")
        return found, notes
    champions: dict[str, ServedVersion] = {}
    for name in wanted:
        served = registry.load_champion(name) if name in registered else None
        if served is not None:
            champions[name] = served
            notes += [served.stale] if served.stale else []
    return champions, notes
