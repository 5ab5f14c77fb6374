"""A run: the jobs that one command submits, and what the stack's bucket remembers of them."""
