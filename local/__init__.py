"""The local stack: what stands in for AWS on one machine, so that the real program runs without an account."""
