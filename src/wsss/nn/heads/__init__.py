"""Heads that a method adds to the taps of a backbone."""
