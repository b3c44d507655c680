"""Modules with parameters: backbones, classifier, AffinityNet, segmenters and their weights."""
