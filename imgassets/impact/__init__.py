"""Causal impact: what a new image set did to clicks, add-to-cart and orders."""
