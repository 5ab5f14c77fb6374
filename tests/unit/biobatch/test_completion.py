"""Shells complete commands, options, tools, queues and file names."""

import json
import subprocess
from pathlib import Path

import pytest
import shtab

from biobatch.__main__ import main


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", shell])
    assert not ended.value.code
    return capsys.readouterr().out


@pytest.fixture
def completed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> dict[tuple[str, ...], list[str]]:
    """Bash's completions of the last word, by command line."""
    monkeypatch.delenv("BIOBATCH_OUTPUTS", raising=False)
    (tmp_path / "outputs.json").touch()
    lines = [
        ("biobatch", ""),
        ("biobatch", "submit", ""),
        ("biobatch", "submit", "--outputs", "out"),
        ("biobatch", "submit", "--outputs", "x.json", "sam"),
        ("biobatch", "submit", "samtools", "--queue", ""),
        ("biobatch", "call-variants", "--outputs", "out"),
        ("biobatch", "call-variants", "--tr"),
        ("biobatch", "logs", "--outputs", "out"),
    ]
    program = (
        'eval "$1"\n'
        "complete -p biobatch >/dev/null || exit 1\n"
        'while read -r -a words; do COMP_WORDS=("${words[@]//_/}"); COMP_CWORD=$((${#words[@]} - 1)); COMPREPLY=()\n'
        '_shtab_biobatch biobatch "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; echo "${COMPREPLY[*]}"; done\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", program, "bash", script("bash", capsys)],
        cwd=tmp_path,
        # `read` drops empty words, so the input has an underscore in their place.
        input="".join(" ".join(word or "_" for word in line) + "\n" for line in lines),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(lines, (line.split() for line in done.stdout.splitlines()), strict=True))


def test_bash_completes_commands_options_tools_queues_and_files(completed: dict[tuple[str, ...], list[str]]) -> None:
    assert list(completed.values()) == [
        [
            "submit",
            "call-variants",
            "sheet",
            "list",
            "watch",
            "cancel",
            "resume",
            "logs",
            "fetch",
            "report",
            "doctor",
            "engines",
        ],
        ["bcftools", "bwa", "fastqc", "samtools"],
        ["outputs.json"],
        ["samtools"],
        ["main", "on-demand"],
        ["outputs.json"],
        ["--truth", "--truth-sample"],
        ["outputs.json"],
    ]


@pytest.mark.parametrize("shell", shtab.SUPPORTED_SHELLS)
def test_the_script_for_every_shell_contains_the_tools_of_the_stack_in_the_environment(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BIOBATCH_OUTPUTS", raising=False)
    assert "seqtk" not in script(shell, capsys)
    (tmp_path / "o.json").write_text(json.dumps({"job_definition_arns": {"seqtk": "arn:seqtk:1"}}))
    monkeypatch.setenv("BIOBATCH_OUTPUTS", str(tmp_path / "o.json"))
    assert "seqtk" in script(shell, capsys)


def test_the_client_accepts_tools_and_queues_outside_the_completions(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = [
        "submit",
        "mine",
        "--queue",
        "arn:x",
        "--output-prefix",
        "s3://b",
        "--outputs",
        str(tmp_path / "o"),
        "--",
        "x",
    ]
    assert main(words) == 2
    assert "No such file" in capsys.readouterr().err
