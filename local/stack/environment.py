"""The environment variables with which `pulumi`, `aws`, `docker` and `biobatch` use the local stack and cannot reach an AWS account."""

import contextlib
import os
from collections.abc import Iterator, Mapping

from local.paths import BIN, BYTECODE, NO_PROFILES, PULUMI_HOME, PULUMI_STATE, VENV_BIN
from local.record import Record

STACK = "local"
REGION = "us-east-1"

#: Prefixes and names of variables that could lead to a real account or contradict the local stack. They are unset unless they are set here.
_TAKEN_OVER = ("AWS_", "PULUMI_")
_TAKEN_OVER_NAMES = ("BIOBATCH_OUTPUTS", "BIOBATCH_STACK")


def is_taken_over(name: str) -> bool:
    """Whether the local stack sets or unsets a variable, whatever its value."""
    return name.startswith(_TAKEN_OVER) or name in _TAKEN_OVER_NAMES


def variables(record: Record, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that the local stack sets.

    Args:
        record: the stack.
        base: the environment whose PATH and NO_PROXY are extended. The default is that of this process.
    """
    base = os.environ if base is None else base
    ours = [str(BIN), str(VENV_BIN)]
    path = [folder for folder in base.get("PATH", os.defpath).split(os.pathsep) if folder not in ours]
    hosts = [host for host in base.get("NO_PROXY", base.get("no_proxy", "")).split(",") if host]
    no_proxy = ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))
    return {
        # With it, the client names the local stack instead of an account.
        "BIOBATCH_LOCAL": "1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{record.aws_port}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": str(NO_PROFILES),
        "AWS_SHARED_CREDENTIALS_FILE": str(NO_PROFILES),
        "AWS_EC2_METADATA_DISABLED": "true",
        "PULUMI_HOME": str(PULUMI_HOME),
        "PULUMI_BACKEND_URL": f"file://{PULUMI_STATE}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Otherwise the CLI would download the true providers in addition to the local plugins.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # As in `make`. If the shell forbids Python to store bytecode, each `pulumi` command would compile the SDKs again.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(BYTECODE),
        "DOCKER_HOST": record.docker_host,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "PATH": os.pathsep.join([*ours, *path]),
    }


def complete(record: Record, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a process that uses the local stack: `variables`, and the base without what could lead elsewhere."""
    base = os.environ if base is None else base
    return {k: v for k, v in base.items() if not is_taken_over(k)} | variables(record, base)


@contextlib.contextmanager
def entered(record: Record) -> Iterator[None]:
    """Gives this process the environment `complete` until the block ends."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(complete(record, before))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
