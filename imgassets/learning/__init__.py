"""Heads on stored embeddings: labels, fitting, evaluation and the MLflow registry."""
