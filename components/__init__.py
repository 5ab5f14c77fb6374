"""Biobatch's building blocks. Each component takes what those before it made; none reads configuration or looks anything up.

`from components import Network` works for every name in `components.public`. The first such import loads the AWS SDKs, which takes seconds.
`components.limits` needs none of them, and importing it loads none.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.public import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        # Other names of this form are asked for by the import system, and by tools that look at any module.
        if name == "__all__" or not name.startswith("__"):
            public = importlib.import_module("components.public")
            if name in ("__all__", *public.__all__):
                return getattr(public, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
