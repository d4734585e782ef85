"""Flags: what must not be shown, and the loop that learns to see it."""
