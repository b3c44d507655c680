"""Forecast of disk and time and advice on the data, for `wsss check`."""
