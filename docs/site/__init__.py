"""Builds and checks the documentation's site, and generates pages and pictures from the program."""
