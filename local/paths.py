"""Where the local stack keeps files: in the clone, in the user's cache, and in a folder with a short path for sockets."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV_BIN = ROOT / ".venv" / "bin"
#: Python's bytecode. The Makefile uses the same path.
BYTECODE = ROOT / ".venv" / "bytecode"

#: All files of this clone's stack. `make local-down` removes the folder.
LOCAL = ROOT / ".local"
LOGS = LOCAL / "logs"
#: An empty file in place of the user's profiles and credentials. The AWS SDK for Java refuses /dev/null.
NO_PROFILES = LOCAL / "no-profiles"
#: The Pulumi CLI, with this project's language host if the CLI comes without one.
BIN = LOCAL / "bin"
PULUMI_HOME = LOCAL / "pulumi"
PULUMI_STATE = LOCAL / "state"

#: Tools and image layers that outlive a stack. All clones of a user share them.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "biobatch"

#: The socket and run-time state of the stack's Docker engine. The path of a socket can have at most 107 bytes, and `LOCAL` can be longer.
RUN = Path("/run/biobatch")
