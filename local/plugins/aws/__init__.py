"""The stand-in for Pulumi's AWS provider: the resources that this project uses, by AWS's own service models."""
