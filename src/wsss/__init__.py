"""Weakly supervised semantic segmentation: image-level labels in, masks and a segmenter out."""

__version__ = "0.1.0"
