"""Reading and writing artifacts: whole or not at all, never a pickle."""
