"""What the user may configure, and which part of it each stage sees."""
