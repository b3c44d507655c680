"""Forecast of disk and time, advice on the data, and plans, for `wsss check` and `wsss plan`."""
