"""The components of Biobatch. No component reads configuration or looks anything up. The program passes outputs of one to the next.

You can import every name in `components.public` from this package, as in `from components import Network`. The first such import loads the
Pulumi SDKs, which takes about a second. `components.limits` and `components.architectures` load no SDK.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.public import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        # The import system, and tools that inspect modules, ask for other names of this form.
        if name == "__all__" or not name.startswith("__"):
            public = importlib.import_module("components.public")
            if name in ("__all__", *public.__all__):
                return getattr(public, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
