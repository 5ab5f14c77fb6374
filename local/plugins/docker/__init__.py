"""The local plugin for Pulumi's Docker provider: `docker.Image`, built and pushed by the Docker engine of this machine.

`provider` answers the calls, `builder` builds and pushes, and `context` reads the build context.
"""
