"""Benchmarks: the work of the project beside plain statements of the originals' maths."""
