"""Only `biobatch.__version__` states Biobatch's version. Everything else reads it from there."""

import importlib.metadata
import re

import pytest

import biobatch
from biobatch import command_line
from tests.unit.recording import ROOT, program


def test_the_installed_package_has_the_version() -> None:
    assert importlib.metadata.version("biobatch") == biobatch.__version__


def test_the_client_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.parse(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"biobatch {biobatch.__version__}\n"


def test_no_other_file_states_the_version() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in text
    assert '[tool.hatch.version]\npath = "biobatch/__init__.py"' in text
    for path in ("pyproject.toml", "__main__.py", "images/base/Dockerfile"):
        assert biobatch.__version__ not in (ROOT / path).read_text(), path


def test_the_program_passes_the_version_to_the_base_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    arguments = {
        image.name: image.inputs["build"].get("args", {}) for image in program().all("docker:index/image:Image")
    }
    assert arguments.pop("biobatch-base")["BIOBATCH_VERSION"] == biobatch.__version__
    # The tool images inherit the label.
    assert all("BIOBATCH_VERSION" not in each for each in arguments.values())


def test_the_version_is_a_label_after_all_layers() -> None:
    text = re.sub(r"^ *#.*\n", "", (ROOT / "images/base/Dockerfile").read_text(), flags=re.MULTILINE)
    before, argument, after = text.rpartition("ARG BIOBATCH_VERSION\n")
    assert argument
    assert "BIOBATCH_VERSION" not in before
    assert 'biobatch.version="${BIOBATCH_VERSION}"' in after
    assert not re.search(r"^(RUN|COPY|ADD)\b", after, re.MULTILINE)
