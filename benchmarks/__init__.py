"""Measures what the project promises, ours beside the alternative in one run: `make bench`."""
