"""Fixtures that ask the local AWS provider for the effect of a change."""

from tests.unit.local.plugins.conftest import engine, offline

__all__ = ["engine", "offline"]
