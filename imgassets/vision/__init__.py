"""From bytes to signals: one decode and one forward pass per image.

Knows no Dagster and no warehouse connection; torch and transformers are imported only inside the
functions that need them.
"""
