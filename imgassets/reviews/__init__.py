"""Customers' photographs: what a score says of one, and what is wrong with it.

Knows no Dagster and no warehouse connection.
"""
