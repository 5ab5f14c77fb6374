"""The client of a Biobatch stack: it submits jobs and follows them to their end."""

__version__ = "0.2.0"
