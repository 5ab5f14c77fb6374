"""The error that the local stack shows in words, without a traceback."""


class LocalError(Exception):
    """An error of the machine or its set-up. Its text says what is wrong, what was tried, and which command fixes it."""
