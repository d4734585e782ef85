"""What is known of registered versions, what can go wrong with them, and hashes of their files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

FILES_TAG = "files_sha256"
"""Tag of a version: JSON of each file's relative path and SHA-256."""

PROMOTED_TAG = "promoted"
"""Tag of a version that became champion once, whatever people decided later."""

_REASON_LENGTH = 200


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a registered model; what it is tagged with does not make it another one.

    Attributes:
        version: its number, from 1.
        run_id: the MLflow run that made it.
        tags: what it was registered with, and what was noted since.
        created: when it was registered (UTC); None where the registry does not say.
    """

    version: int
    run_id: str
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    created: datetime | None = field(default=None, compare=False)

    @property
    def files(self) -> dict[str, str] | None:
        """Relative path to SHA-256 of its files; None if it was registered without."""
        return json.loads(self.tags[FILES_TAG]) if FILES_TAG in self.tags else None


@dataclass(frozen=True)
class RegisteredModel:
    """One registered model.

    Attributes:
        name: its name.
        champion: the version that answers, if any.
        versions: all its versions, oldest first.
    """

    name: str
    champion: int | None
    versions: tuple[RegisteredVersion, ...]


@dataclass(frozen=True)
class ServedVersion:
    """A version that answers, with its files.

    Attributes:
        version: the version.
        folder: its verified weights; read only.
        stale: empty where the registry answered, else one sentence: what failed, and which cached
            version answers in its place.
    """

    version: RegisteredVersion
    folder: Path
    stale: str = ""


class RegistryUnavailable(RuntimeError):
    """The registry does not answer, or not sensibly.

    Args:
        registry: its URI, without a password.
        reason: what failed.
        note: what else the reader should know, a sentence or nothing.
    """

    def __init__(self, registry: str, reason: str, note: str = "") -> None:
        self.registry = registry
        self.reason = reason
        super().__init__(
            f"{self.what}{note and f'; {note}'}; start or repair it, or name another one "
            "(IMGASSETS_MLFLOW_TRACKING_URI), and run the same command again"
        )

    @property
    def what(self) -> str:
        """What failed, without the remedy."""
        return f"registry {self.registry} did not answer ({self.reason})"


class CorruptedModel(RuntimeError):
    """A version's files in the registry are not those that were registered."""

    def __init__(self, model_name: str, version: int, fault: str) -> None:
        super().__init__(
            f"model {model_name} version {version} is corrupted in the registry: {fault}; let an "
            f"older version answer (`imgassets models promote {model_name} OLDER`) or train again"
        )


def needs_promotion(made: RegisteredVersion, champion: RegisteredVersion | None) -> bool:
    """Tell whether a version won its contest, but its promotion was cut short.

    A version that was champion before and no longer is lost the alias to a person: it stays so.
    """
    return (
        made.tags["decision"] == "promote"
        and PROMOTED_TAG not in made.tags
        and (champion is None or champion.version < made.version)
    )


def hash_files(folder: Path) -> dict[str, str]:
    """Return relative path (with slashes) to SHA-256 of every file in `folder`, sorted."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256")
            found[path.relative_to(folder).as_posix()] = digest.hexdigest()
    return found


def fault_in(folder: Path, files: Mapping[str, str]) -> str:
    """Say in what `folder` differs from the files it should hold; empty if in nothing.

    Args:
        folder: the folder; it may be absent.
        files: relative path to SHA-256, as :func:`hash_files` returns them.
    """
    present = hash_files(folder)
    for name, digest in sorted(files.items()):
        if name not in present:
            return f"file {name} is missing"
        if present[name] != digest:
            return f"file {name} has SHA-256 {present[name][:12]}…, registered was {digest[:12]}…"
    return ""


def root_cause(error: BaseException) -> str:
    """Return what an error started from, in one short line."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= _REASON_LENGTH else f"{line[:_REASON_LENGTH]}…"
