"""The stand-in for Pulumi's AWSX provider: `awsx.ec2.Vpc` with explicit address blocks, composed of the same resources."""

#: The version of the AWS provider that awsx asks for (7.43.0 in its source of 2026-08-20), beside which Pulumi needs the program's own.
AWS_VERSION = "7.43.0"
