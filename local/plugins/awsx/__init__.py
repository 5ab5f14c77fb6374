"""The local plugin for Pulumi's AWSX provider: `awsx.ec2.Vpc` with explicit address blocks, made of the same resources as the true one.

`provider` answers the calls, `arguments` reads and checks the arguments, and `vpc` creates the resources.
"""

#: The version of the AWS provider that awsx asks for (7.43.0 in its source of 2026-08-20), in addition to the version that the program uses.
AWS_VERSION = "7.43.0"
