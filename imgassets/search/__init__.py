"""Finding products by words: texts to words, and an index of them.

Knows no Dagster and no warehouse connection. Only texts are looked at, not yet images.
"""
