"""Customers' review photos: fetched, measured, ranked."""
