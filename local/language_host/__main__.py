"""Pulumi's Python language host, for a CLI that was built from its Go module and has no host.

It asks the virtual environment of a program for the same facts as the true host of this version, and starts Pulumi's true executor in the
same way. A program therefore runs and fails as with the true host (pulumi/pulumi v3.259.0, sdk/python/cmd/pulumi-language-python/main.go
and sdk/python/toolchain/pip.go).

A launcher named `pulumi-language-python` in the folder of the CLI starts it with the arguments EXECUTOR [flags of the CLI…] ENGINE.
EXECUTOR is the path of `pulumi-language-python-exec`. ENGINE is the address of the engine and always the last argument.
"""

import importlib.metadata
import importlib.util
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]


def _replace_by_empty(package: str) -> None:
    """Replaces a package of the SDK by an empty one, so that its submodules load without the whole SDK.

    The SDK takes most of a second to load, and every `pulumi` command would wait for that.
    """
    spec = importlib.util.find_spec(package)
    assert spec
    sys.modules[package] = importlib.util.module_from_spec(spec)


for _package in ("pulumi", "pulumi.runtime"):
    _replace_by_empty(_package)

from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2  # noqa: E402
from pulumi.runtime.proto.language_pb2_grpc import LanguageRuntimeServicer  # noqa: E402

#: The exit code of the executor if the user has already seen the error.
_ERROR_WAS_SHOWN = 32

#: A program that prints the lists of `pip list --format json` with and without `--not-required`, and the plugin file of each package. pip
#: itself would have to run twice and takes half a second each time.
_INSTALLED = """
import importlib.metadata, json
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version
packages, plugins, required = {}, [], set()
for distribution in importlib.metadata.distributions():
    name = distribution.metadata["Name"]
    if canonicalize_name(name) in packages:
        continue
    packages[canonicalize_name(name)] = {"name": name, "version": str(Version(distribution.version))}
    for line in distribution.metadata.get_all("Requires-Dist") or []:
        requirement = Requirement(line.strip())
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            required.add(canonicalize_name(requirement.name))
    # Searching a list of thousands of files is faster than parsing it.
    if "pulumi-plugin.json" in (distribution.read_text("RECORD") or ""):
        for file in distribution.files:
            if file.name == "pulumi-plugin.json":
                plugins.append(json.loads(file.locate().read_text()))
print(json.dumps({
    "all": list(packages.values()),
    "direct": [package for key, package in packages.items() if key not in required],
    "plugins": plugins,
}))
"""


class Failure(Exception):
    """A failed call, with the text that the engine shows."""


class Environment:
    """The Python that runs a program, according to the options of its Pulumi.yaml.

    Args:
        info: the folders of the program, and its options.
        virtualenv: the virtual environment if the options name none. Empty means the Python on PATH.

    Raises:
        Failure: if this host does not support an option.
    """

    def __init__(self, info: language_pb2.ProgramInfo, virtualenv: str = "") -> None:
        options = dict(info.options)
        if options.get("toolchain", "pip") != "pip":
            raise Failure(f"unsupported toolchain option: {options['toolchain']}")
        self._option = str(options.get("virtualenv", virtualenv))
        # A relative path starts at the project's folder. An absolute path stays as it is.
        self._folder = Path(info.root_directory) / self._option

    def validate(self) -> None:
        """Checks that the program can run.

        Raises:
            Failure: if the virtual environment has no Python.
        """
        if self._option and not Path(self._python()).is_file():
            fault = "doesn't appear to be a virtual environment" if self._folder.exists() else "doesn't exist"
            raise Failure(
                f'The \'virtualenv\' option in Pulumi.yaml is set to "{self._option}", but "{self._folder}" {fault}; '
                "in the local stack, `make` makes it"
            )

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs its Python with these arguments."""
        return [self._python(), *arguments]

    def variables(self) -> dict[str, str]:
        """The environment variables of its processes, as in an activated virtual environment."""
        if not self._option:
            return dict(os.environ)
        path = f"{self._folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
        return {**kept, "PATH": path, "VIRTUAL_ENV": str(self._folder)}

    def output(self, *arguments: str) -> str:
        """The standard output of its Python.

        Raises:
            Failure: if it fails, in the words of the true host, which does not show standard error.
        """
        command = self.command(*arguments)
        try:
            done = subprocess.run(command, env=self.variables(), capture_output=True, text=True, check=False)
        except OSError as error:
            raise Failure(f"calling `{' '.join(command)}`: {error.strerror}") from error
        if done.returncode:
            raise Failure(f"calling `{' '.join(command)}`: exit status {done.returncode}")
        return done.stdout

    def packages(self, *, transitive: bool = True) -> list[dict[str, str]]:
        """The names and versions of the installed packages, as pip lists them.

        Args:
            transitive: False leaves out packages that other packages require.

        Raises:
            Failure: if pip is not installed, because the true host needs it.
        """
        try:
            found: list[dict[str, str]] = _installed(self)["all" if transitive else "direct"]
        except Failure:
            options = [] if transitive else ["--not-required"]
            found = json.loads(self.output("-m", "pip", "list", "--format", "json", *options))
        return found

    def plugins(self) -> list[dict[str, Any]]:
        """The contents of the plugin files of the installed packages."""
        found: list[dict[str, Any]] = _installed(self)["plugins"]
        return found

    def _python(self) -> str:
        return str(self._folder / "bin" / "python") if self._option else shutil.which("python3") or "python"


_installed_by_command: dict[tuple[str, ...], dict[str, Any]] = {}
_lock = threading.Lock()


def _installed(environment: Environment) -> dict[str, Any]:
    """The output of `_INSTALLED`. It runs once, although the engine needs it in two calls. A host serves one command of the CLI only."""
    command = tuple(environment.command())
    with _lock:
        if command not in _installed_by_command:
            _installed_by_command[command] = json.loads(environment.output("-c", _INSTALLED))
        return _installed_by_command[command]


@contextmanager
def failing(context: grpc.ServicerContext, doing: str = "") -> Iterator[None]:
    """Reports a failure as the error text of the call."""
    try:
        yield
    except Failure as failure:
        context.abort(grpc.StatusCode.UNKNOWN, f"{doing}{failure}")


class LanguageHost(LanguageRuntimeServicer):
    """Runs programs for the engine."""

    def __init__(self, executor: str, engine: str) -> None:
        self._executor = executor
        self._engine = engine
        self._programs: set[subprocess.Popen[bytes]] = set()

    def end(self) -> NoReturn:
        """Ends the host and its programs at once. The engine waits five seconds for a host that continues to run."""
        for program in list(self._programs):
            program.kill()
        os._exit(0)

    def Handshake(  # noqa: N802
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:  # noqa: N802
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def GetRequiredPackages(  # noqa: N802
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        with failing(context):
            environment = Environment(request.info)
            environment.packages()
            plugins = environment.plugins()
        return language_pb2.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(
                    name=plugin["name"], version=f"v{plugin['version'].removeprefix('v')}", kind="resource"
                )
                for plugin in plugins
                if plugin["resource"]
            ]
        )

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:  # noqa: N802
        script = "import sys, platform; print(sys.executable); print(platform.python_version())"
        with failing(context):
            executable, version = Environment(request.info).output("-c", script).splitlines()
        return language_pb2.AboutResponse(executable=executable, version=version, metadata={"toolchain": "Pip"})

    def GetProgramDependencies(  # noqa: N802
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        with failing(context, "failed to get python dependencies: "):
            packages = Environment(request.info).packages(transitive=request.transitiveDependencies)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=p["name"], version=p["version"]) for p in packages]
        )

    def InstallDependencies(  # noqa: N802
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        yield language_pb2.InstallDependenciesResponse(
            stdout=b"In the local stack, make keeps .venv: nothing to install.\n"
        )

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:  # noqa: N802
        with failing(context):
            environment = Environment(request.info)
            environment.validate()
        program = subprocess.Popen(
            [
                *environment.command("-u", self._executor),
                *("--monitor", request.monitor_address, "--engine", self._engine),
                *("--project", request.project, "--stack", request.stack, "--organization", request.organization),
                *("--pwd", request.pwd, "--root_directory", request.info.root_directory),
                *("--dry_run", str(request.dryRun).lower(), "--parallel", str(request.parallel)),
                str(Path(request.info.program_directory) / request.info.entry_point),
                *request.args,
            ],
            env={
                **environment.variables(),
                "PULUMI_CONFIG": json.dumps(dict(request.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            },
            stdin=subprocess.DEVNULL,
            # Otherwise Ctrl-C would interrupt the program too, and it would print a traceback. `end` ends it.
            start_new_session=True,
        )
        self._programs.add(program)
        context.add_callback(program.kill)
        exit_code = program.wait()
        self._programs.discard(program)
        if exit_code == _ERROR_WAS_SHOWN:
            return language_pb2.RunResponse(bail=True)
        if exit_code:
            return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {exit_code}")
        return language_pb2.RunResponse()

    def RunPlugin(  # noqa: N802
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Runs a component package, such as `components/`, and passes on its output until it ends."""
        with failing(context):
            environment = Environment(request.info, virtualenv="venv")
        plugin = subprocess.Popen(
            environment.command("-u", request.info.program_directory, *request.args),
            cwd=request.pwd,
            env={**environment.variables(), **dict(entry.split("=", 1) for entry in request.env)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert plugin.stdout
        assert plugin.stderr
        self._programs.add(plugin)
        context.add_callback(plugin.kill)
        printed: queue.SimpleQueue[language_pb2.RunPluginResponse | None] = queue.SimpleQueue()

        def read(stream: IO[bytes], answer: Callable[[bytes], language_pb2.RunPluginResponse]) -> None:
            for line in stream:
                printed.put(answer(line))
            printed.put(None)

        streams: list[tuple[IO[bytes], Callable[[bytes], language_pb2.RunPluginResponse]]] = [
            (plugin.stdout, lambda line: language_pb2.RunPluginResponse(stdout=line)),
            (plugin.stderr, lambda line: language_pb2.RunPluginResponse(stderr=line)),
        ]
        for stream_and_answer in streams:
            threading.Thread(target=read, args=stream_and_answer, daemon=True).start()
        for _ in range(2):
            yield from iter(printed.get, None)
        exit_code = plugin.wait()
        self._programs.discard(plugin)
        yield language_pb2.RunPluginResponse(exitcode=exit_code)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        # The answer must be sent first.
        threading.Timer(0.05, self.end).start()
        return empty_pb2.Empty()


def serve(executor: str, engine: str) -> NoReturn:
    """Serves the engine until it cancels, interrupts or ends. Prints the port as the first line of standard output.

    Args:
        executor: path of `pulumi-language-python-exec`.
        engine: address of the engine.
    """
    host = LanguageHost(executor, engine)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: host.end())
    parent = os.getppid()
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    # If the engine is killed, the host gets another parent process. It must then end.
    while os.getppid() == parent:
        time.sleep(0.5)
    host.end()


if __name__ == "__main__":
    serve(executor=sys.argv[1], engine=sys.argv[-1])
