"""The page of a run: what it found, what failed and what to do, how long it took and what it cost."""
