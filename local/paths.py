"""Where the local stack keeps files: in the clone, in the user's cache, and in a folder with a short path for sockets."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV_BIN = ROOT / ".venv" / "bin"
#: What Python compiles, also for `make` (the Makefile names it too).
BYTECODE = ROOT / ".venv" / "bytecode"

#: Everything of this clone's stack; removed by `make local-down`.
LOCAL = ROOT / ".local"
LOGS = LOCAL / "logs"
#: The CLI, and a language host beside it if the CLI brings none.
BIN = LOCAL / "bin"
PULUMI_HOME = LOCAL / "pulumi"
PULUMI_STATE = LOCAL / "state"

#: Tools and image layers that outlive a stack, shared by all clones of a user.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "biobatch"

#: Socket and run-time state of an engine of our own. A socket's path may have 107 bytes at most, which `LOCAL` may exceed.
RUN = Path("/run/biobatch")
