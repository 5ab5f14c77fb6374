"""The error that the local stack prints as one message, without a traceback."""


class LocalError(Exception):
    """A problem of the machine or its set-up. The text says what is wrong, what was tried, and which command fixes it."""
