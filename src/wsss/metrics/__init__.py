"""Metrics of segmentation: confusion matrices, counts over images, and their typed result."""
