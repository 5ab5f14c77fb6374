"""Settings with which workflow engines run their jobs on a stack."""
