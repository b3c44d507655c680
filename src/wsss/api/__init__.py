"""Python interface: trained networks as objects, and the chain as a function. See docs/python.md.

The names that users import are those of `wsss`, which finds them here when they are asked for.
"""
