"""The documentation's site: its build, its checks, and the pages and pictures that are made from the program."""
