"""The last champions that the registry handed out, kept on this machine.

    <folder>/<model>/champion.json              which version answers, by whom and when confirmed
    <folder>/<model>/<version>-<run>/record.json
    <folder>/<model>/<version>-<run>/files/…    the weights

A run id is part of a version's folder because a registry that was made anew numbers from 1 again.
Folders and files appear by a rename, whole or not at all, so that processes may share a cache.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imgassets.learning.registered import RegisteredVersion, fault_in, hash_files

_POINTER, _RECORD, _FILES = "champion.json", "record.json", "files"
_SCRATCH = ".new-"

KEPT_VERSIONS = 2
"""Versions kept of a model: the champion, and the one before it that a process may still read."""


@dataclass(frozen=True)
class CachedChampion:
    """The champion that the registry named last.

    Attributes:
        version: the version.
        folder: its files.
        confirmed: when the registry last said that it is the champion.
        fault: what is wrong with the files; empty if nothing is.
    """

    version: RegisteredVersion
    folder: Path
    confirmed: datetime
    fault: str


@dataclass(frozen=True)
class ChampionCache:
    """Champions of all models of one registry.

    Args:
        folder: where they are kept.
        registry: the registry's name; what another one named champion is not answered.
    """

    folder: Path
    registry: str

    def files(self, model_name: str, version: RegisteredVersion) -> Path | None:
        """Return the folder of a version's files, or None if it is not kept or is damaged."""
        kept = self._place(model_name, version)
        return None if self._fault(kept) else kept / _FILES

    @contextmanager
    def scratch(self, model_name: str) -> Iterator[Path]:
        """Lend an empty folder beside the kept versions; what is left in it is deleted."""
        (self.folder / model_name).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=self.folder / model_name) as scratch:
            yield Path(scratch)

    def keep(self, model_name: str, version: RegisteredVersion, files: Path) -> Path:
        """Move a version's verified files from :meth:`scratch` in here; return their new folder."""
        kept = self._place(model_name, version)
        record = {
            "version": version.version,
            "run_id": version.run_id,
            "tags": dict(version.tags),
            "created": version.created and version.created.isoformat(),
            "files": hash_files(files),
        }
        with self.scratch(model_name) as scratch:
            if kept.exists() and self._fault(kept):
                os.replace(kept, scratch / "damaged")
            new = scratch / "version"
            new.mkdir()
            os.replace(files, new / _FILES)
            (new / _RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
            try:
                os.replace(new, kept)
            except OSError:  # another process kept the same version first
                if self._fault(kept):
                    raise
        self._prune(model_name, kept)
        return kept / _FILES

    def confirm(self, model_name: str, version: RegisteredVersion) -> None:
        """Note that the registry has just named this kept version champion."""
        pointer = {
            "kept": self._place(model_name, version).name,
            "registry": self.registry,
            "confirmed": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with self.scratch(model_name) as scratch:
            new = scratch / _POINTER
            new.write_text(json.dumps(pointer, indent=1), encoding="utf-8")
            os.replace(new, self.folder / model_name / _POINTER)

    def forget(self, model_name: str) -> None:
        """Note that the registry has just named no champion."""
        (self.folder / model_name / _POINTER).unlink(missing_ok=True)

    def champion(self, model_name: str) -> CachedChampion | None:
        """Return the champion that this registry named last, or None."""
        try:
            pointer = _read_json(self.folder / model_name / _POINTER)
            kept = self.folder / model_name / pointer["kept"]
            record = _read_json(kept / _RECORD)
            created = record["created"] and datetime.fromisoformat(record["created"])
            champion = CachedChampion(
                version=RegisteredVersion(
                    record["version"], record["run_id"], record["tags"], created
                ),
                folder=kept / _FILES,
                confirmed=datetime.fromisoformat(pointer["confirmed"]),
                fault=self._fault(kept),
            )
        except (OSError, ValueError, KeyError, TypeError):  # absent, or no longer what was written
            return None
        return champion if pointer["registry"] == self.registry else None

    def _place(self, model_name: str, version: RegisteredVersion) -> Path:
        return self.folder / model_name / f"{version.version}-{version.run_id}"

    def _fault(self, kept: Path) -> str:
        try:
            files = _read_json(kept / _RECORD)["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return f"{_RECORD} is missing or unreadable"
        return fault_in(kept / _FILES, files)

    def _prune(self, model_name: str, newest: Path) -> None:
        """Delete the versions kept longest ago."""
        others = [
            path
            for path in (self.folder / model_name).iterdir()
            if path.is_dir() and path != newest and not path.name.startswith(_SCRATCH)
        ]
        others.sort(key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
        for path in others[KEPT_VERSIONS - 1 :]:
            shutil.rmtree(path, ignore_errors=True)


def _read_json(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    return json.loads(path.read_text(encoding="utf-8"))
