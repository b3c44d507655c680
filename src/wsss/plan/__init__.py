"""Artifacts of a configuration: their keys, files, readable names, and what is unused."""
