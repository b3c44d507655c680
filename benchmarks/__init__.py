"""Measurements against the originals' maths: each module but `measure` has `rows()`."""
