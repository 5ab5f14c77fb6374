"""Measures how good the calls of call-variants are, beside freebayes and snippy's rules, on data from packages that anyone can download."""
