"""What changed in the tables from release to release, as numbered steps with a way back.

A new column needs no step: it is added when a release first writes, and older releases leave it
alone. What needs one is a column that is renamed or dropped, and a rule that changed. Rows are
never lost to a migration: the values of a dropped column stay under another name until a later
migration purges them, and rows that break a new rule stand until their partitions are computed
again.

To change the schema, change the contract and append a :class:`Migration` to ``MIGRATIONS``; one
that was released is never edited. How they are applied is in :mod:`imgassets.warehouse.migrating`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from imgassets import __version__
from imgassets.warehouse.contracts import CONTRACTS, Contract
from imgassets.warehouse.views import View, views

RETIRED = "retired_"
"""What the name of a dropped column begins with while its values are kept."""


class Step(Protocol):
    """One change of one table."""

    @property
    def table(self) -> str:
        """Return the table's name."""
        ...

    def statements(self, mandatory: Collection[str]) -> list[str]:
        """Return the SQL that makes the change; ``mandatory`` columns may not be null now."""
        ...

    def broken(self) -> str:
        """Return the condition of rows that the change leaves to be computed again; '': none."""
        ...

    def back(self) -> Step:
        """Return the step that undoes this one."""
        ...

    def __str__(self) -> str:
        """Say in a few words what changes."""
        ...


@dataclass(frozen=True)
class RenameColumn:
    """A column gets another name; values, history and files stay as they are."""

    table: str
    old: str
    new: str

    def statements(self, mandatory: Collection[str]) -> list[str]:
        """Return the SQL that makes the change; ``mandatory`` columns may not be null now."""
        return [f'ALTER TABLE {self.table} RENAME COLUMN "{self.old}" TO "{self.new}"']

    def broken(self) -> str:
        """Return '': no row has to be computed again."""
        return ""

    def back(self) -> Step:
        """Return the renaming to the old name."""
        return RenameColumn(self.table, self.new, self.old)

    def __str__(self) -> str:
        return f"rename column {self.table}.{self.old} to {self.new}"


@dataclass(frozen=True)
class DropColumn:
    """A column leaves the contract; its values are kept as ``retired_<column>``."""

    table: str
    column: str

    def statements(self, mandatory: Collection[str]) -> list[str]:
        """Return the SQL that makes the change; ``mandatory`` columns may not be null now."""
        kept = f"{RETIRED}{self.column}"
        renamed = RenameColumn(self.table, self.column, kept).statements(mandatory)
        if self.column not in mandatory:
            return renamed
        # Rows written from now on have no value there.
        return [*renamed, f'ALTER TABLE {self.table} ALTER COLUMN "{kept}" DROP NOT NULL']

    def broken(self) -> str:
        """Return '': no row has to be computed again."""
        return ""

    def back(self) -> Step:
        """Return the step that brings the column back with its values."""
        return RestoreColumn(self.table, self.column)

    def __str__(self) -> str:
        return f"drop column {self.table}.{self.column}, its values kept as {RETIRED}{self.column}"


@dataclass(frozen=True)
class RestoreColumn:
    """A dropped column comes back; rows written since have no value there."""

    table: str
    column: str

    def statements(self, mandatory: Collection[str]) -> list[str]:
        """Return the SQL that makes the change; ``mandatory`` columns may not be null now."""
        return RenameColumn(self.table, f"{RETIRED}{self.column}", self.column).statements(
            mandatory
        )

    def broken(self) -> str:
        """Return the condition of the rows without a value."""
        return f'"{self.column}" IS NULL'

    def back(self) -> Step:
        """Return the step that drops it again."""
        return DropColumn(self.table, self.column)

    def __str__(self) -> str:
        return f"bring column {self.table}.{self.column} back"


@dataclass(frozen=True)
class PurgeColumn:
    """The values of a column that an earlier migration dropped are given up.

    Its files stay until maintenance expires their snapshots.
    """

    table: str
    column: str
    sql_type: str

    def statements(self, mandatory: Collection[str]) -> list[str]:
        """Return the SQL that makes the change; ``mandatory`` columns may not be null now."""
        return [f'ALTER TABLE {self.table} DROP COLUMN "{RETIRED}{self.column}"']

    def broken(self) -> str:
        """Return '': no row has to be computed again."""
        return ""

    def back(self) -> Step:
        """Return the step that makes the column again, without values."""
        return EmptyColumn(self.table, self.column, self.sql_type)

    def __str__(self) -> str:
        return f"give up the values of {self.table}.{RETIRED}{self.column}"


@dataclass(frozen=True)
class EmptyColumn:
    """A purged column is there again, empty: the step before brings it back by its name."""

    table: str
    column: str
    sql_type: str

    def statements(self, mandatory: Collection[str]) -> list[str]:
        """Return the SQL that makes the change; ``mandatory`` columns may not be null now."""
        return [f'ALTER TABLE {self.table} ADD COLUMN "{RETIRED}{self.column}" {self.sql_type}']

    def broken(self) -> str:
        """Return '': the step that brings the column back finds its rows empty."""
        return ""

    def back(self) -> Step:
        """Return the step that drops it again."""
        return PurgeColumn(self.table, self.column, self.sql_type)

    def __str__(self) -> str:
        return f"add {self.table}.{RETIRED}{self.column}, empty"


@dataclass(frozen=True)
class ChangeRule:
    """Rows must keep another condition than before.

    Attributes:
        table: the table.
        old: SQL condition that its rows kept.
        new: the one that they must keep from now on. A change of what computes the rows belongs to
            it (such as the signals' version), or they come out as they were.
        mended: columns that SQL expressions bring to the new rule, by name; the rows that still
            break it are computed again.
        unmended: likewise, to the old rule.
    """

    table: str
    old: str
    new: str
    mended: Mapping[str, str] = field(default_factory=dict)
    unmended: Mapping[str, str] = field(default_factory=dict)

    def statements(self, mandatory: Collection[str]) -> list[str]:
        """Return the SQL that makes the change; ``mandatory`` columns may not be null now."""
        if not self.mended:
            return []
        values = ", ".join(f'"{name}" = {value}' for name, value in sorted(self.mended.items()))
        return [f"UPDATE {self.table} SET {values} WHERE {self.broken()}"]

    def broken(self) -> str:
        """Return the condition of the rows that break the new rule."""
        return f"NOT coalesce({self.new}, false)"

    def back(self) -> Step:
        """Return the change to the old rule."""
        return ChangeRule(self.table, self.new, self.old, self.unmended, self.mended)

    def __str__(self) -> str:
        return f"rows of {self.table} keep {self.new}, not {self.old}"


@dataclass(frozen=True)
class Migration:
    """Steps that belong together: all are taken, or none.

    Attributes:
        number: from 1, without gaps.
        title: what changed, for people.
        steps: in order.
    """

    number: int
    title: str
    steps: tuple[Step, ...]

    def back(self) -> tuple[Step, ...]:
        """Return the steps that undo it, in order."""
        return tuple(step.back() for step in reversed(self.steps))


MIGRATIONS: tuple[Migration, ...] = ()


@dataclass(frozen=True)
class Release:
    """What one release of imgassets knows of the warehouse.

    Attributes:
        version: the release.
        contracts: its tables.
        migrations: all migrations up to it.
        views: returns its analysts' views.
    """

    version: str = __version__
    contracts: tuple[type[Contract], ...] = CONTRACTS
    migrations: tuple[Migration, ...] = MIGRATIONS
    views: Callable[[], tuple[View, ...]] = views

    @property
    def schema(self) -> int:
        """Return the number of the schema that it writes: that of its last migration."""
        return max((migration.number for migration in self.migrations), default=0)


PRESENT = Release()
