"""The life of the local stack: `up`, and `down` from any state."""

import shutil
from pathlib import Path

from local import record
from local.console import number_steps, say, step
from local.errors import LocalError
from local.machine import background, docker_engine, ports, processes, pulumi_cli
from local.paths import CACHE, LOCAL, ROOT
from local.record import Record
from local.stack import aws_server, base_image, docker_objects, emulator, needs, program, provider_plugins, registry

_AWS_PORT = 4600
_REGISTRY_PORT = 4601


def current() -> Record:
    """The stack of this clone.

    Raises:
        LocalError: if it is not up.
    """
    found = record.own()
    if not found or not found.ready:
        raise LocalError("the local stack of this clone is not up. Bring it up: make local-up")
    return found


def up(following: int = 0) -> Record:
    """Brings the stack up and deploys the program on it. Quick if the stack is up already.

    If one of the services has ended, `up` removes the stack and starts again. The local AWS keeps its S3 on disk: buckets, and objects with
    their versions and tags. It loses everything else when it ends, so the new stack has a bucket of its own beside the old one.

    Args:
        following: the number of steps that the caller adds.

    Raises:
        LocalError: if the stack of another clone is up, or a part cannot be obtained. `down` then removes the parts that are up.
    """
    with record.exclusively():
        _refuse_second()
        found = record.own()
        if found and not _healthy(found):
            say(
                "this clone's stack has stopped. Removing the stack with its Pulumi state. Its S3 is kept: after this command, look with aws s3 ls"
            )
            _clear(ROOT, found, keeps_objects=True)
            found = None
        if found and found.ready and "queue_arn" in program.outputs(found):
            number_steps(following)
            _prepare_builds(found)
            say(f"the stack is up: AWS on 127.0.0.1:{found.aws_port}, registry on 127.0.0.1:{found.registry_port}")
            return found
        for line in needs.lines():
            say(line)
        number_steps((2 if found else 5) + following)
        # If the CLI must be built, that takes longest. It does not depend on the steps before it.
        with background.running(pulumi_cli.obtain) as cli:
            if not found:
                found = _start()
            with step("Get the Pulumi CLI"):
                obtained = cli.result()
                pulumi_cli.install(obtained)
                provider_plugins.install()
        with step("Build images and create resources (pulumi up)"):
            _prepare_builds(found)
            program.up(found)
        found.ready = True
        found.save()
        say('the stack is up. Work on it in this shell: eval "$(make -s local-env)"')
        return found


def down() -> None:
    """Removes the stack and everything that it created, also after a crash. Tools and image layers stay. Does nothing without a stack."""
    with record.exclusively():
        found = record.own()
        if not found and not LOCAL.exists() and not processes.running(ROOT):
            say("no local stack of this clone is up")
            return
        number_steps(1)
        with step("Remove the local stack"):
            _clear(ROOT, found)
        say(
            f"the local stack is gone. {CACHE} keeps tools and image layers for the next one. Free them: make clean-cache"
        )


def _refuse_second() -> None:
    other = record.other()
    if not other:
        return
    if Path(other.root).is_dir() and processes.running(Path(other.root)):
        raise LocalError(
            f"a machine runs one local stack at a time, and the stack of {other.root} is up (AWS on 127.0.0.1:{other.aws_port}). "
            f"Remove it: make -C {other.root} local-down"
        )
    say(f"removing what the stack of {other.root} left behind")
    _clear(Path(other.root), other)


def _healthy(found: Record) -> bool:
    return (
        docker_engine.answers(found.docker_host)
        and registry.answers(found.registry_port)
        and aws_server.answers(found.aws_port)
    )


def _start() -> Record:
    with step("Start the Docker engine"):
        host = docker_engine.obtain()
        found = Record(
            aws_port=ports.free(_AWS_PORT),
            registry_port=ports.free(_REGISTRY_PORT),
            docker_host=host or docker_engine.OWN_HOST,
            own_engine=host is None,
        )
        # Saved before anything runs, so that `down` can remove it.
        found.save()
        if found.own_engine:
            docker_engine.start()
    with docker_engine.client(found.docker_host) as connection:
        with step(f"Get the base image {base_image.BASE_IMAGE}"):
            docker_objects.clear(connection, None if found.own_engine else str(ROOT), found.registry_port)
            base_image.obtain(connection)
        with step("Start the image registry and the local AWS"):
            registry.start(connection, found.registry_port)
            docker_objects.create_network(connection)
            aws_server.start(found)
    return found


def _prepare_builds(found: Record) -> None:
    with docker_engine.client(found.docker_host) as connection:
        emulator.register(connection, program.platform())


def _clear(root: Path, found: Record | None, *, keeps_objects: bool = False) -> None:
    processes.stop(processes.running(root, program.ROLE), seconds=10)
    processes.stop(processes.running(root, aws_server.ROLE), seconds=15)
    if found and docker_engine.answers(found.docker_host):
        with docker_engine.client(found.docker_host) as connection:
            docker_objects.clear(connection, None if found.own_engine else str(root), found.registry_port)
    own_engine = processes.running(root, docker_engine.ROLE)
    others = [process for process in processes.running(root) if process not in own_engine]
    processes.stop(others, seconds=10)
    if own_engine or (found and found.own_engine):
        docker_engine.stop(root)
    emulator.clear()
    record.forget(root)
    # The program's copies of the build contexts (components/tool_image.py). The next `pulumi up` of any stack makes them again.
    shutil.rmtree(root / ".biobatch", ignore_errors=True)
    if keeps_objects:
        _remove_all_but(root / LOCAL.name, aws_server.OBJECTS)
    else:
        shutil.rmtree(root / LOCAL.name, ignore_errors=True)


def _remove_all_but(folder: Path, kept: Path) -> None:
    """Removes everything in a folder that is neither the folder `kept` nor above it."""
    for path in folder.iterdir() if folder.is_dir() else []:
        if path == kept:
            continue
        if path in kept.parents:
            _remove_all_but(path, kept)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
