"""Configuration: sections, defaults, recipes, and the slice of it that each stage reads."""
