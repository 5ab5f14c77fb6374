"""The client is a package that works outside the clone."""

import configparser
import email
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import biobatch
from local.paths import ROOT, VENV_BIN

SOURCE = ROOT / "biobatch"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that pip and uv build from the clone."""
    folder = tmp_path_factory.mktemp("wheel")
    # A build with isolation would download hatchling from the package index.
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's files and no other file of the clone."""
    folder = tmp_path_factory.mktemp("installed")
    wheel.extractall(folder)
    return folder


def python(installed: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python outside of the clone, with the installed package before the clone's."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    (file,) = (each for each in wheel.namelist() if each.endswith(f".dist-info/{name}"))
    return wheel.read(file).decode()


def test_the_wheel_contains_only_the_modules_the_steps_and_the_parts_of_the_page(wheel: zipfile.ZipFile) -> None:
    files = {each for each in wheel.namelist() if ".dist-info/" not in each}
    kinds = ("**/*.py", "steps/**/*.sh", "page/page.*", "page/prices.json")
    assert files == {str(file.relative_to(ROOT)) for kind in kinds for file in SOURCE.glob(kind)}
    assert "biobatch/steps/align.sh" in files


def test_the_wheel_has_the_version_of_the_source_and_needs_few_packages(wheel: zipfile.ZipFile) -> None:
    found = email.message_from_string(metadata(wheel, "METADATA"))
    assert found["Version"] == biobatch.__version__
    assert {each.split(">")[0] for each in found.get_all("Requires-Dist", [])} == {
        "botocore",
        "jinja2",
        "rich",
        "s3transfer",
        "shtab",
    }


def test_the_command_of_the_wheel_is_biobatch(wheel: zipfile.ZipFile) -> None:
    entry_points = configparser.ConfigParser()
    entry_points.read_string(metadata(wheel, "entry_points.txt"))
    assert dict(entry_points["console_scripts"]) == {"biobatch": "biobatch.__main__:console"}


def test_the_installed_package_works_outside_of_the_clone(installed: Path) -> None:
    done = python(installed, "-m", "biobatch", "--version")
    assert (done.returncode, done.stdout) == (0, f"biobatch {biobatch.__version__}\n")
    steps = sorted(file.stem for file in (SOURCE / "steps").glob("*.sh"))
    done = python(
        installed,
        "-c",
        f"from biobatch import variants; [print(variants.__file__, len(variants.script(s))) for s in {steps}]",
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == len(steps) == 7
    assert all(line.startswith(str(installed)) and int(line.split()[-1]) > 500 for line in lines)


def test_a_folder_of_the_users_does_not_hide_the_client(tmp_path: Path) -> None:
    for name in ("biobatch", "botocore", "signal"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('a folder of the user')")
    words = [str(VENV_BIN / "biobatch"), "list", "--outputs", "none.json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "none.json" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        ["submit", "--help"],
        ["call-variants", "--help"],
        ["logs", "--help"],
        ["--print-completion", "bash"],
    ],
)
def test_help_version_and_completion_do_not_load_the_aws_sdk(words: list[str], installed: Path) -> None:
    program = (
        "import sys, biobatch; assert not [m for m in sys.modules if m.startswith('biobatch.')]\n"
        "from biobatch.__main__ import main\n"
        f"try: main({words})\n"
        "except SystemExit as end: assert not end.code\n"
        "print(*[m for m in sys.modules if m.split('.')[0] in ('boto3', 'botocore', 'rich', 's3transfer')], file=sys.stderr)\n"
    )
    done = python(installed, "-c", program)
    assert done.returncode == 0
    assert done.stdout
    assert done.stderr.strip() == ""


def test_the_client_starts_on_systems_without_sighup(installed: Path) -> None:
    """Windows has no SIGHUP."""
    program = "import signal; del signal.SIGHUP; from biobatch import __main__ as client; client.console()"
    done = python(installed, "-c", program, "logs", "x", "--outputs", "none.json")
    assert done.returncode == 2
    assert done.stderr.startswith("biobatch: --outputs none.json: No such file")
    assert len(done.stderr.splitlines()) == 1
