"""Pulumi's Python language host, for a CLI built from its Go module, which brings none.

Starts Pulumi's true executor as the true host does, so that a program runs and fails as it does for everybody else. Usage, by a
launcher named `pulumi-language-python` beside the CLI: EXECUTOR [flags of the CLI…] ENGINE, where EXECUTOR is the path of
`pulumi-language-python-exec` and ENGINE the engine's address, always last.
"""

import importlib.metadata
import json
import os
import platform
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NoReturn

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import LanguageRuntimeServicer, language_pb2, language_pb2_grpc, plugin_pb2

#: The executor's way to say that the user has seen the reason already.
_SHOWN = 32


class LanguageHost(LanguageRuntimeServicer):
    """Runs programs for the engine."""

    def __init__(self, executor: str, engine: str) -> None:
        self._executor = executor
        self._engine = engine
        self._programs: set[subprocess.Popen[bytes]] = set()

    def end(self) -> NoReturn:
        """Ends the host and the programs that it runs, at once: the engine waits five seconds for one that does not."""
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
        packages = []
        for distribution in importlib.metadata.distributions():
            for file in distribution.files or []:
                if file.name == "pulumi-plugin.json":
                    plugin = json.loads(file.read_text())
                    packages.append(
                        plugin_pb2.PackageDependency(
                            name=plugin["name"], version=f"v{plugin['version'].removeprefix('v')}", kind="resource"
                        )
                    )
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:  # noqa: N802
        return language_pb2.AboutResponse(executable=sys.executable, version=platform.python_version())

    def GetProgramDependencies(  # noqa: N802
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=distribution.name, version=distribution.version)
                for distribution in importlib.metadata.distributions()
            ]
        )

    def InstallDependencies(  # noqa: N802
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        yield language_pb2.InstallDependenciesResponse(
            stdout=b"In the local stack, make keeps .venv: nothing to install.\n"
        )

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:  # noqa: N802
        program = subprocess.Popen(
            [
                *(sys.executable, "-u", self._executor),
                *("--monitor", request.monitor_address, "--engine", self._engine),
                *("--project", request.project, "--stack", request.stack, "--organization", request.organization),
                *("--pwd", request.pwd, "--root_directory", request.info.root_directory),
                *("--dry_run", str(request.dryRun).lower(), "--parallel", str(request.parallel)),
                str(Path(request.info.program_directory) / request.info.entry_point),
                *request.args,
            ],
            env={
                **os.environ,
                "PULUMI_CONFIG": json.dumps(dict(request.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            },
            stdin=subprocess.DEVNULL,
            # Interrupted with us, it would print a traceback; `end` takes it along.
            start_new_session=True,
        )
        self._programs.add(program)
        context.add_callback(program.kill)
        exit_code = program.wait()
        self._programs.discard(program)
        if exit_code == _SHOWN:
            return language_pb2.RunResponse(bail=True)
        if exit_code:
            return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {exit_code}")
        return language_pb2.RunResponse()

    def RunPlugin(  # noqa: N802
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Runs a component package, such as `components/`, and hands on what it prints until it ends."""
        plugin = subprocess.Popen(
            [sys.executable, "-u", request.info.program_directory, *request.args],
            cwd=request.pwd,
            env=dict(entry.split("=", 1) for entry in request.env) or None,
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
        # The answer still has to leave.
        threading.Timer(0.05, self.end).start()
        return empty_pb2.Empty()


def serve(executor: str, engine: str) -> NoReturn:
    """Serves the engine until it cancels, interrupts or ends; prints the port as the first line of standard output.

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
    # A host whose engine was killed is adopted by another process and must not stay behind.
    while os.getppid() == parent:
        time.sleep(0.5)
    host.end()


if __name__ == "__main__":
    serve(executor=sys.argv[1], engine=sys.argv[-1])
