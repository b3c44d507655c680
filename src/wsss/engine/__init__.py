"""Training and inference loops of any task."""
