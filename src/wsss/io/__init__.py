"""Artifacts on disk: written atomically, verified when read, without pickle."""
