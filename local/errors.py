"""What the local stack says instead of a traceback."""


class LocalError(Exception):
    """A fault of the machine or of its set-up, with what was tried and what mends it."""
