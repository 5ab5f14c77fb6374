"""The command-line client of Biobatch. It submits jobs to a stack's queues and follows them until they end.

Importing the package is cheap: it loads neither the AWS SDK nor any other module.
"""

__version__ = "0.2.0"
