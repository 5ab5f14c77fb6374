"""The patches of this package."""

from local.aws.patches import Patches

PATCHES = Patches()
