"""Checks that run before the program creates anything.

Each check looks something up, in AWS or on this machine. It stops the program with a remedy, or warns, if the deployment or its jobs would fail later.
"""
