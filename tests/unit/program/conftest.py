"""The program's tests ask the stand-in for the AWS provider what a change does."""

from tests.unit.plugins.conftest import offline

__all__ = ["offline"]
