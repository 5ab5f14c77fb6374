"""The local language host runs a program as Pulumi's host does, and ends at once."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import psutil
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from local.paths import ROOT

Host = tuple["subprocess.Popen[str]", language_pb2_grpc.LanguageRuntimeStub]

#: The virtual environment of this process, for programs in any folder.
OPTIONS = {"toolchain": "pip", "virtualenv": sys.prefix}

#: Replaces Pulumi's executor. Writes its arguments and variables to a file, and then acts by the name of the program's folder.
EXECUTOR = """
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[-1])
call = {"arguments": sys.argv[1:], **{name: os.environ[name] for name in ("PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS")}}
(folder / "call.json").write_text(json.dumps(call))
if folder.name == "sleep":
    time.sleep(60)
sys.exit(int(folder.name))
"""


@contextmanager
def started(folder: Path) -> Iterator[Host]:
    """A host whose executor is in a folder."""
    executor = folder / "executor"
    executor.write_text(EXECUTOR)
    command = [sys.executable, str(ROOT / "local" / "language_host"), str(executor), "--tracing", "x", "127.0.0.1:7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
            yield process, language_pb2_grpc.LanguageRuntimeStub(channel)
        process.kill()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host for every test that leaves it running."""
    with started(tmp_path_factory.mktemp("host")) as each:
        yield each


@pytest.fixture
def host_to_end(tmp_path: Path) -> Iterator[Host]:
    """A host for one test, which ends it."""
    with started(tmp_path) as each:
        yield each


def request(folder: Path) -> language_pb2.RunRequest:
    folder.mkdir()
    info = language_pb2.ProgramInfo(root_directory="/home/of/it", program_directory=str(folder), entry_point=".")
    info.options.update(OPTIONS)
    return language_pb2.RunRequest(
        project="biobatch",
        stack="local",
        organization="organization",
        pwd=str(folder),
        dryRun=True,
        parallel=16,
        monitor_address="127.0.0.1:8",
        config={"biobatch:azCount": "3"},
        configSecretKeys=["biobatch:token"],
        info=info,
    )


def test_a_program_gets_the_arguments_and_the_configuration_of_the_engine(host: Host, tmp_path: Path) -> None:
    response = host[1].Run(request(tmp_path / "0"))
    assert (response.error, response.bail) == ("", False)
    call = json.loads((tmp_path / "0" / "call.json").read_text())
    assert json.loads(call["PULUMI_CONFIG"]) == {"biobatch:azCount": "3"}
    assert json.loads(call["PULUMI_CONFIG_SECRET_KEYS"]) == ["biobatch:token"]
    options = dict(zip(call["arguments"][:-1:2], call["arguments"][1::2], strict=False))
    assert options == {
        "--monitor": "127.0.0.1:8",
        "--engine": "127.0.0.1:7",
        "--project": "biobatch",
        "--stack": "local",
        "--organization": "organization",
        "--pwd": str(tmp_path / "0"),
        "--root_directory": "/home/of/it",
        "--dry_run": "true",
        "--parallel": "16",
    }


def test_a_program_that_showed_its_error_is_not_reported_twice(host: Host, tmp_path: Path) -> None:
    response = host[1].Run(request(tmp_path / "32"))
    assert (response.error, response.bail) == ("", True)


def test_a_program_that_failed_is_reported_with_its_exit_code(host: Host, tmp_path: Path) -> None:
    assert host[1].Run(request(tmp_path / "3")).error == "program exited with non-zero exit code: 3"


def program_info(**options: str) -> language_pb2.ProgramInfo:
    """The program of this clone, with the options of its Pulumi.yaml or with others."""
    info = language_pb2.ProgramInfo(root_directory=str(ROOT), program_directory=str(ROOT), entry_point=".")
    info.options.update(options or {"toolchain": "pip", "virtualenv": ".venv"})
    return info


def test_every_plugin_of_an_installed_sdk_is_required(host: Host) -> None:
    packages = host[1].GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=program_info())).packages
    assert {(package.name, package.kind) for package in packages} >= {
        ("aws", "resource"),
        ("awsx", "resource"),
        ("docker", "resource"),
    }
    assert {package.version for package in packages if package.name == "aws"} == {f"v{version('pulumi-aws')}"}


@pytest.mark.parametrize(("transitive", "options"), [(True, []), (False, ["--not-required"])])
def test_the_installed_packages_are_those_that_pip_lists(host: Host, transitive: bool, options: list[str]) -> None:
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "list", "--format", "json", *options], capture_output=True, text=True, check=True
    )
    request = language_pb2.GetProgramDependenciesRequest(info=program_info(), transitiveDependencies=transitive)
    found = host[1].GetProgramDependencies(request).dependencies
    assert sorted((each.name, each.version) for each in found) == sorted(
        (each["name"], each["version"]) for each in json.loads(pip.stdout)
    )


def test_the_sdk_is_not_loaded_whole_before_the_host_serves() -> None:
    script = "import runpy, sys; runpy.run_path(sys.argv[1]); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "local" / "language_host" / "__main__.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pulumi.runtime.proto.language_pb2" in done.stdout.split()
    assert "pulumi.output" not in done.stdout.split()


def test_about_names_the_python_of_the_virtual_environment(host: Host) -> None:
    about = host[1].About(language_pb2.AboutRequest(info=program_info()))
    assert (about.executable, about.metadata["toolchain"]) == (str(ROOT / ".venv" / "bin" / "python"), "Pip")


@pytest.fixture
def without_pip(tmp_path: Path) -> language_pb2.ProgramInfo:
    """A virtual environment with Python and without pip, as `uv venv` creates it."""
    python = tmp_path / "bare" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    python.chmod(0o755)
    return program_info(toolchain="pip", virtualenv=str(tmp_path / "bare"))


def test_a_virtual_environment_without_pip_fails_as_with_the_true_host(
    host: Host, without_pip: language_pb2.ProgramInfo
) -> None:
    python = f"{without_pip.options['virtualenv']}/bin/python"
    with pytest.raises(grpc.RpcError) as required:
        host[1].GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=without_pip))
    # The CLI prefixes the message with "failed to discover package requirements: ".
    assert required.value.details() == f"calling `{python} -m pip list --format json`: exit status 1"
    with pytest.raises(grpc.RpcError) as dependencies:
        host[1].GetProgramDependencies(language_pb2.GetProgramDependenciesRequest(info=without_pip))
    assert dependencies.value.details() == (
        f"failed to get python dependencies: calling `{python} -m pip list --format json --not-required`: exit status 1"
    )


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"toolchain": "pip", "virtualenv": "none"}, "none\" doesn't exist"),
        ({"toolchain": "pip", "virtualenv": "docs"}, "docs\" doesn't appear to be a virtual environment"),
        ({"toolchain": "poetry"}, "unsupported toolchain option: poetry"),
    ],
)
def test_a_program_without_its_virtual_environment_does_not_run(
    host: Host, tmp_path: Path, options: dict[str, str], fault: str
) -> None:
    asked = request(tmp_path / "0")
    asked.info.CopyFrom(program_info(**options))
    with pytest.raises(grpc.RpcError) as failed:
        host[1].Run(asked)
    assert fault in failed.value.details()
    assert not (tmp_path / "0" / "call.json").exists()


def test_the_program_ends_with_an_interrupted_host(host_to_end: Host, tmp_path: Path) -> None:
    process, stub = host_to_end
    running = stub.Run.future(request(tmp_path / "sleep"))
    deadline = time.monotonic() + 10
    while not (tmp_path / "sleep" / "call.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    children = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=2) == 0
    assert psutil.wait_procs(children, timeout=2)[1] == []
    running.cancel()


def test_the_host_ends_when_the_engine_cancels(host_to_end: Host) -> None:
    process, stub = host_to_end
    stub.Cancel(empty_pb2.Empty())
    assert process.wait(timeout=2) == 0


def test_the_output_of_a_component_package_is_passed_on(host: Host, tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__main__.py").write_text(
        "import os, sys\nprint(*sys.argv[1:], os.environ['KEY'], os.getcwd())\nsys.exit('its fault')\n"
    )
    info = language_pb2.ProgramInfo(program_directory=str(package), entry_point=".")
    info.options.update(OPTIONS)
    _, stub = host
    answers = list(
        stub.RunPlugin(
            language_pb2.RunPluginRequest(
                pwd=str(tmp_path),
                args=["127.0.0.1:7"],
                env=["KEY=a=b"],
                info=info,
            )
        )
    )
    assert b"".join(answer.stdout for answer in answers).decode() == f"127.0.0.1:7 a=b {tmp_path}\n"
    assert b"".join(answer.stderr for answer in answers) == b"its fault\n"
    assert answers[-1].exitcode == 1
