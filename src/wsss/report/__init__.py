"""The report page: what every stage achieved, in one self-contained HTML file."""
