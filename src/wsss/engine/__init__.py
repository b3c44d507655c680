"""Training and inference loops; they know tasks, not methods."""
