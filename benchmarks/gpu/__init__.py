"""Benchmarks of a GPU: the work of the project beside the same work as the originals do it."""
