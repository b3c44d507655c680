"""Trainings that follow the CAMs: pair affinities and segmentation."""
