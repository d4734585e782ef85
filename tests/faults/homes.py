"""Two homes whose derived rows must be the same."""

from __future__ import annotations

from pathlib import Path

from benchmarks.kills import COMPARED, comparable_rows, open_warehouse
from tests.faults.ledger import Outcome


def compared(peaceful: Path, troubled: Path) -> Outcome:
    """Count the rows that are missing in a home, and those that it has too many."""
    lost = doubled = 0
    for contract in COMPARED:
        wanted, found = (
            comparable_rows(open_warehouse(home), contract) for home in (peaceful, troubled)
        )
        if wanted.equals(found):
            continue
        missing = wanted.join(found, on=wanted.columns, how="anti", nulls_equal=True).height
        lost += missing
        doubled += found.height - wanted.height + missing
        print(f"{contract.table_name()}: {wanted.height} rows, and {found.height} after the fault")
    return Outcome(lost=lost, doubled=doubled)
