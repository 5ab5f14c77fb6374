"""The progress, errors and warnings of `pulumi up` on the screen."""

import pytest

from local.stack import program

UP = """\
Updating (local):

@ updating....
 +  pulumi:pulumi:Stack biobatch-local creating (0s)
 +  biobatch:index:Network biobatch creating (0s)
 +  awsx:ec2:Vpc biobatch creating (0.1s)
 +  awsx:ec2:Vpc biobatch created (1s)
 ++ docker:index:Image biobatch-bwa creating replacement (0s)
 ++ docker:index:Image biobatch-bwa creating replacement (12s) Step 3/9 : RUN make
 ++ docker:index:Image biobatch-bwa created replacement (31s)
    pulumi:pulumi:Stack biobatch-local  a line of the program
"""


def test_each_resource_is_counted_once_when_it_is_done() -> None:
    progress = program.Progress()
    told = [progress.take(line) for line in UP.splitlines(keepends=True)]
    assert told[:3] == [None, None, None]
    assert told[5] == "0 done, Vpc biobatch creating"
    assert told[6] == "1 done, Vpc biobatch created"
    assert told[8] == "1 done, Image biobatch-bwa creating step 3/9"
    assert told[9] == "2 done, Image biobatch-bwa created"
    assert told[10] is None


def test_a_failure_shows_the_diagnostics_and_not_the_outputs() -> None:
    printed = UP + "\nDiagnostics:\n  aws:ec2:Vpc (biobatch):\n    error: too many\n\nOutputs:\n    bucket: x\n"
    assert program.diagnostics(printed) == "      aws:ec2:Vpc (biobatch):\n        error: too many"


@pytest.mark.parametrize("count", [3, 60])
def test_a_failure_without_diagnostics_shows_the_last_lines(count: int) -> None:
    shown = program.diagnostics("".join(f"line {number}\n" for number in range(count))).splitlines()
    assert len(shown) == min(count, 20)
    assert shown[-1] == f"    line {count - 1}"


def test_warnings_of_a_success_are_shown_once() -> None:
    printed = (
        UP
        + "\nDiagnostics:\n  a:b:C (c):\n    warning: careful\n    note: x\n    warning: careful\n\nResources:\n    1 unchanged\n"
    )
    assert program.warnings(printed) == ["warning: careful"]
