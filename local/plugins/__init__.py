"""The stand-ins for Pulumi's provider plugins: they speak the true protocol to the CLI and AWS's own API to the local AWS."""
