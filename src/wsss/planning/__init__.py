"""What `wsss check` says before a run: forecast of disk and time, advice on the data."""
