"""Models: trained on labels, tracked in MLflow, promoted by evidence."""
