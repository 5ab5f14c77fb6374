"""A shell that evaluates `make local-env` uses the local stack, shows that in its prompt, and can be restored."""

import shutil
import subprocess

import pytest

from local.stack import environment, shell
from tests.unit.local.stack.test_environment import REAL, RECORD

ZSH = shutil.which("zsh")

#: Shells by the command that starts them. zsh only if it is installed.
SHELLS = {"bash": ["bash", "--norc"], "sh": ["sh"], **({"zsh": [ZSH, "-f"]} if ZSH else {})}

BEFORE = {
    "AWS_PROFILE": "work",
    "PULUMI_ACCESS_TOKEN": 'it\'s "mine" $HOME',
    "NO_PROXY": "intranet",
    "BIOBATCH_STACK": "prod",
}


def run(program: str, script: str, variables: dict[str, str]) -> dict[str, str]:
    """The environment of a shell after a script that evaluates `$LINES`."""
    done = subprocess.run(
        [*SHELLS[program], "-euc", script],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return dict(entry.split("=", 1) for entry in done.stdout.rstrip("\0").split("\0"))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in (REAL | BEFORE).items():
        monkeypatch.setenv(name, value)
    return shell.lines(RECORD)


@pytest.mark.parametrize("program", SHELLS)
def test_a_shell_that_evaluates_the_lines_has_exactly_that_environment(program: str, lines: str) -> None:
    in_shell = run(program, f"{lines}\nenv -0", REAL | BEFORE)
    wanted = environment.variables(RECORD)
    assert {name: in_shell.get(name) for name in wanted} == wanted
    assert {name for name in in_shell if environment.is_taken_over(name)} <= set(wanted)
    assert in_shell["BIOBATCH_LOCAL"] == "1"


@pytest.mark.parametrize("program", SHELLS)
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("variables", [{}, REAL | BEFORE])
def test_leaving_restores_every_variable_that_was_set_and_unsets_the_others(
    program: str, times: int, variables: dict[str, str], lines: str
) -> None:
    leave = "biobatch_leave" if program == "sh" else "biobatch-leave"
    script = f"PS1='$ '; \n{'{0}' * times}\n{leave}\nexport PS1; {{ set; }} | grep '^_biobatch' >&2 || :; env -0"
    after = run(program, script.replace("{0}", lines + "\n"), variables)
    untouched = run(program, "PS1='$ '; export PS1; env -0", variables)
    assert after == untouched


def test_a_variable_that_was_not_exported_is_not_exported_afterwards(lines: str) -> None:
    after = run("bash", f"AWS_REGION=eu-west-1\n{lines}\nbiobatch-leave\nexport seen=$AWS_REGION\nenv -0", {})
    assert after["seen"] == "eu-west-1"
    assert "AWS_REGION" not in after


def test_the_prompt_has_the_mark_once(lines: str) -> None:
    assert run("bash", f"PS1='ada$ '\n{lines}\n{lines}\nexport PS1; env -0", {})["PS1"] == "(biobatch local) ada$ "


def test_leaving_removes_the_functions(lines: str) -> None:
    script = f'{lines}\nbiobatch-leave\nexport left="$(declare -F)"\nenv -0'
    assert run("bash", script, {})["left"] == ""


def test_the_notice_names_the_stack_and_the_command_that_leaves_it() -> None:
    told = shell.notice(RECORD)
    assert RECORD.root in told
    assert told.endswith(": biobatch-leave")
