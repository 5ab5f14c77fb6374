"""The stand-in for Pulumi's Docker provider: `docker.Image`, built and pushed by the machine's own engine."""
