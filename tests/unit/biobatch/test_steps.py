"""Each step's script reads the variables that its jobs get, and no others."""

import functools
import json
import re
import subprocess
from pathlib import Path

import pytest

from biobatch import variants
from biobatch.calling import Calling
from biobatch.request import Lane, Sample
from biobatch.uris import S3Uri
from local.paths import ROOT, VENV_BIN
from tests.unit.biobatch.test_variants import planned

STEPS = ROOT / "biobatch" / "steps"
#: Variables that the images' entrypoint sets, besides TMPDIR and HOME, which shellcheck knows.
SET_BY_JOB = {"JOB_INPUT_LIST"}

NAMES = sorted(path.stem for path in STEPS.glob("*.sh"))

#: All options that have a variable of their own.
ALL_OPTIONS = Calling(
    consensus=True,
    keep_duplicates=True,
    ploidy_file=S3Uri("data", "ploidies"),
    primers=S3Uri("data", "primers.bed"),
    regions=("c",),
    targets=S3Uri("data", "targets.bed"),
)

#: A sample of two lanes, one of them without mates.
LANES = Sample(
    "b", (Lane("L1", (S3Uri("data", "b1_R1.fq"), S3Uri("data", "b1_R2.fq"))), Lane("L2", (S3Uri("data", "b2.fq"),)))
)

#: The jobs of a pair, of single-end reads, of two lanes, of a comparison and of a cohort, with options and without, by step.
JOBS = [
    each
    for jobs in (
        planned("a=s3://data/a_R1.fq,s3://data/a_R2.fq", truth="s3://data/t.vcf"),
        planned("a=s3://data/a.fq", truth="s3://data/t.vcf"),
        planned(sheet=[LANES]),
        planned(
            "a=s3://data/a.fq",
            calling=ALL_OPTIONS,
            truth="s3://data/t.vcf",
            truth_sample="s",
            confident="s3://data/c.bed",
        ),
        planned("a=s3://data/a.fq", "b=s3://data/b.fq", calling=ALL_OPTIONS, joint=True),
        planned("a=s3://data/a.fq", "b=s3://data/b.fq", calling=Calling(ploidy=1), joint=True, distances=True),
    )
    for each in jobs.values()
]


def environments(step: str) -> list[set[str]]:
    """The names of the variables of each job of a step."""
    return [set(each.environment) for each in JOBS if each.step == step]


@functools.cache
def unset(script: str) -> frozenset[str]:
    """The variables that a script reads and does not set, according to shellcheck.

    shellcheck leaves out the variables that the shell or the system sets, such as PWD, HOME and TMPDIR. It also leaves out those that the
    script tests, as in [ -n "$MATES" ], and those whose expansion has a default, as in ${MATES:-}.
    """
    done = subprocess.run(
        [
            VENV_BIN / "shellcheck",
            "--norc",
            "--shell=bash",
            "--enable=check-unassigned-uppercase",
            "--include=SC2154",
            "--format=json1",
            "-",
        ],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    messages = [comment["message"] for comment in json.loads(done.stdout)["comments"]]
    # After a misspelt name, the message contains a question: "READ is referenced but not assigned (did you mean 'READS'?)."
    return frozenset(message.partition(" is referenced but not assigned")[0] for message in messages)


def needed(step: str) -> frozenset[str]:
    """The variables without which a step fails under `set -u`."""
    return unset(without_tests(variants.script(step))) - SET_BY_JOB


def used(step: str) -> frozenset[str]:
    """All variables that a step takes from its environment, also those that may be unset."""
    return unset(without_defaults(without_tests(variants.script(step)))) - SET_BY_JOB


def without_tests(script: str) -> str:
    """The script with comparisons in place of -n and -z."""
    return re.sub(r"\[ -[nz] ", "[ x = ", script)


def without_defaults(script: str) -> str:
    """The script with ${NAME%…} in place of ${NAME:-…} and the like."""
    return re.sub(r"\$\{(\w+):?[-+?=]", r"${\1%", script)


def test_shellcheck_finds_the_variables_that_a_script_reads() -> None:
    script = r"""#!/bin/bash
# $COMMENT
own=$SAMPLE
for file in *; do echo "$own $file $PWD $TMPDIR ${MATES:-} ${TRUTH:+ and $TRUTH} $typo"; done
if [ -n "${MATES:-}" ]; then echo "$MATES"; fi
if [ -z "$TOOL" ]; then exit; fi
awk -v threads="$THREADS" '{ print $NF $FIELD }' <<< "${READS%.gz}"
"""
    assert unset(script) == {"SAMPLE", "THREADS", "READS", "typo"}
    assert unset(without_tests(script)) == {"SAMPLE", "THREADS", "READS", "typo", "TOOL"}
    assert unset(without_defaults(without_tests(script))) == {
        "SAMPLE",
        "THREADS",
        "READS",
        "typo",
        "TOOL",
        "MATES",
        "TRUTH",
    }


def test_every_step_has_a_script_and_every_script_has_a_step() -> None:
    assert sorted({each.step for each in JOBS}) == NAMES


@pytest.mark.parametrize("step", NAMES)
def test_every_job_of_a_step_gets_the_variables_that_the_script_needs(step: str) -> None:
    assert all(needed(step) <= given for given in environments(step))


@pytest.mark.parametrize("step", NAMES)
def test_a_step_reads_exactly_the_variables_that_its_jobs_get(step: str) -> None:
    assert used(step) == set().union(*environments(step))


@pytest.mark.parametrize("step", NAMES)
def test_the_head_of_the_script_describes_its_variables(step: str) -> None:
    head = (STEPS / f"{step}.sh").read_text().partition("\nset -euo pipefail\n")[0]
    assert set(re.findall(r"^# ([A-Z_]+)  +\S", head, re.MULTILINE)) == used(step)


@pytest.mark.parametrize("step", NAMES)
def test_awk_programs_read_no_environment_variables_because_shellcheck_cannot_see_them(step: str) -> None:
    assert "ENVIRON" not in variants.script(step)


def test_job_sets_the_variables_that_the_steps_do_not_get_from_the_client() -> None:
    assert (
        '"TMPDIR="+tmp, "HOME="+tmp, inputListVariable+"="+inputList'
        in Path(ROOT / "images/base/job/execute.go").read_text()
    )
    assert 'const inputListVariable = "JOB_INPUT_LIST"' in Path(ROOT / "images/base/job/inputlist.go").read_text()
