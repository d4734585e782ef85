"""Maintenance of the storage: the asset, its job and when it runs."""
