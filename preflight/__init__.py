"""Checks that run before the program creates anything. Each looks something up and refuses what would fail later, with the remedy."""
