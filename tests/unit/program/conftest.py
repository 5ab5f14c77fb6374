"""The program's tests ask the stand-in for the AWS provider what a change does."""

from tests.unit.local.plugins.conftest import engine, offline

__all__ = ["engine", "offline"]
