"""Causal impact: engagement, interventions, the estimates, and when they are made."""
