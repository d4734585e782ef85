"""The gallery page of a run."""
