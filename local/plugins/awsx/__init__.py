"""The stand-in for Pulumi's AWSX provider: `awsx.ec2.Vpc` with explicit address blocks, composed of the same resources."""
