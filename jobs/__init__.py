"""Submits jobs to the queue and follows them: `python -m jobs`. Plain boto3; AWS itself and the local stack are alike to it."""
