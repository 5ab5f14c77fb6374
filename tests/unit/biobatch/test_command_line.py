"""The `biobatch` command, from its arguments to its exit code. A simulated AWS runs jobs that do nothing."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from biobatch import command_line, shell_words, sizes, variants
from biobatch.__main__ import main
from biobatch.aws import Aws
from biobatch.job import shell_command
from biobatch.refusal import Faults
from biobatch.request import parse_request
from biobatch.run import record, submit, watch
from biobatch.stack_outputs import StackOutputs
from local.paths import ROOT
from settings import TOOLS
from tests.unit.biobatch.conftest import publish


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def put(clients: Aws, *keys: str) -> None:
    for key in keys:
        clients.s3.put_object(Bucket="data", Key=key, Body=b"x")


def published(clients: Aws, folder: str = "out") -> None:
    """Publishes the counts and empty warnings of the steps for sample a."""
    publish(clients, f"{folder}/a/a.bam.manifest.json", {f"{folder}/qc/a.warnings.txt": ""})
    publish(clients, f"{folder}/fastqc/a_R1.manifest.json", {f"{folder}/fastqc/a_R1.warnings.txt": ""})
    counts = {"passed": {"snps": 7, "indels": 2, "other": 0}, "filtered": {"LowQual": 3, "Mixed": 0}}
    publish(
        clients,
        f"{folder}/a/a.vcf.gz.manifest.json",
        {f"{folder}/qc/a.variants.json": json.dumps(counts), f"{folder}/qc/a.call_warnings.txt": ""},
    )


def submitted(clients: Aws) -> list[Any]:
    ids = [
        each["jobId"]
        for status in ("SUCCEEDED", "FAILED")
        for each in clients.batch.list_jobs(jobQueue="main", jobStatus=status)["jobSummaryList"]
    ]
    return clients.batch.describe_jobs(jobs=ids)["jobs"] if ids else []


SUBMIT = ("--output-prefix", "s3://data/out", "--", "true")
CALL = ("--reference", "s3://data/ref", "--output-prefix", "s3://data/out", "--sample", "a=s3://data/R1")


@pytest.mark.parametrize("tool_first", [True, False])
def test_submit_passes_the_command_to_the_job_unchanged(
    tool_first: bool, clients: Aws, outputs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(clients, "in put/a b.bam")
    monkeypatch.setattr("biobatch.report.published", lambda clients, job: None)
    words = ["samtools", "view", "-c", "--", "-x", "a b.bam"]
    options = ["--input", "s3://data/in put/a b.bam", "--output", "*.txt", "--vcpus", "2", "--memory-mib", "3800"]
    options += ["--output-prefix", "s3://data/out", "--outputs", str(outputs_file), "--timeout-hours", "30"]
    options = ["samtools", *options] if tool_first else [*options, "samtools"]
    assert main(["submit", *options, "--", *words]) == 0
    (found,) = submitted(clients)
    assert found["container"]["command"] == words
    assert found["timeout"] == {"attemptDurationSeconds": 30 * 3600}
    environment = {each["name"]: each["value"] for each in found["container"]["environment"]}
    assert environment["JOB_INPUTS"] == "s3://data/in%20put/a%20b.bam"
    assert environment["JOB_MANIFEST"] == f"s3://data/out/samtools-{environment['JOB_RUN']}.manifest.json"


@pytest.mark.parametrize("command", [["submit", "samtools", *SUBMIT[:2]], ["logs", "1234", "--", "true"]])
def test_submit_requires_a_command_and_logs_refuses_one(command: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(command)
    assert refused.value.code == 2


@pytest.mark.parametrize("command", ["submit", "call-variants", "list", "watch", "cancel", "logs", "fetch"])
def test_the_help_of_every_option_states_its_effect_and_then_its_default(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = command_line.make_parser()._subparsers
    assert commands
    parser = commands._group_actions[0].choices[command]  # type: ignore[index]
    options = [each for each in parser._actions if each.option_strings and each.dest != "help"]
    texts = {each.dest: str(each.help) for each in options}
    assert all(re.match(r"[a-z]", text) for text in texts.values() if not text.startswith(("FASTQ", "vCPUs")))
    assert [each.dest for each in options if not each.required and "Default: " not in texts[each.dest]] == []
    assert "BIOBATCH_OUTPUTS" in texts["outputs"]
    assert "BIOBATCH_STACK" in texts["stack"]
    # The stack's configuration sets the time limit of a tool, so the help contains no number.
    assert not re.search(r"\d", texts.get("timeout_hours", ""))
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = capsys.readouterr().out
    assert f"examples:\n  biobatch {command} " in said
    assert max(map(len, said.partition("options:")[0].splitlines()[5:]), default=0) <= 80


def test_the_help_names_the_tools_that_every_stack_has() -> None:
    assert set(command_line.options.TOOLS) == set(TOOLS)


def test_submit_lists_every_error_and_submits_no_job(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        "--input",
        "s3://data/none",
        "--input",
        "x",
        "--output",
        "/x",
        "--queue",
        "fast",
        "--vcpus",
        "0",
        "--timeout-hours",
        "0",
    ]
    folder = ["--output-prefix", "s3://nobody"]
    assert main(["submit", "star", "--outputs", str(outputs_file), *options, *folder, "--", "true"]) == 2
    said = capsys.readouterr().err
    for words in (
        "no such tool",
        "s3://data/none: the object does not exist",
        "'x' is not an S3 URI",
        "'/x'",
        "the bucket nobody does not exist",
    ):
        assert words in said
    assert "'fast' is not a queue. Use main" in said
    assert "--vcpus 0" in said
    assert "--timeout-hours 0: it must be 1 or more" in said
    assert submitted(clients) == []


def errors(capsys: pytest.CaptureFixture[str]) -> str:
    """The standard error of a command after its first line, which names account, region and stack."""
    first, _, rest = capsys.readouterr().err.partition("\n")
    assert re.fullmatch(r"biobatch: account 123456789012, region us-east-1, stack \S+outputs.json", first)
    return rest


def refused(given: list[str], outputs_file: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The error lines for a refused command line, from argparse or from the client, without argparse's usage."""
    try:
        code = main([given[0], "--outputs", str(outputs_file), *given[1:]])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = [line for line in said.err.splitlines() if line.startswith("biobatch")]
    return [line for line in lines if not line.startswith("biobatch: account 123456789012, ")]


R1, R2 = "s3://data/R1", "s3://data/R2"
CALL_AB = ["call-variants", *CALL[:4], "--sample"]


#: Command lines with a mistake, each with a part of its error message.
SLIPS: list[tuple[list[str], str]] = [
    ([*CALL_AB, f"a={R1}, {R2}"], f"there is a space after the comma. Write the pair without it: a={R1},{R2}"),
    ([*CALL_AB, f"a={R1},", R2], f"remove the spaces before {R2}. Write NAME=s3://"),
    ([*CALL_AB, "a=", R1], f"remove the spaces before {R1}. Write NAME=s3://"),
    ([*CALL_AB, "a", "=", R1], "remove the spaces before =. Write NAME=s3://"),
    ([*CALL_AB, f"a={R1},reads2.fastq.gz"], "the object does not exist. To name two files, write s3:// before each"),
    ([*CALL_AB, f"a={R1} {R2}"], "the object does not exist. To name two files, write s3:// before each"),
    ([*CALL_AB, "a=s3://data/*.gz"], "the object does not exist. Wildcards are not expanded here"),
    ([*CALL_AB, f"a={R1}", "--sample", f"A={R2}"], "give a sheet with a row for each: --samples SHEET"),
    ([*CALL_AB, f"a={R1}", "--", "true"], "call-variants takes no command after --"),
    (
        ["submit", "samtools", "--input", "s3://data/*.gz", *SUBMIT],
        "Wildcards are not expanded here. Name each object",
    ),
    (
        ["submit", "samtools", "--input", f"{R1} ", *SUBMIT],
        "A name in the key begins or ends with a space. List the folder: aws s3 ls",
    ),
    (["submit", "samtools", "--input", f" {R1}", *SUBMIT], "Remove the space before it"),
    (["submit", "samtools", "--input", "s3://data/R%201", *SUBMIT], "%20 is not a space"),
    (
        ["submit", "samtools", "--input", f"{R1},{R2}", *SUBMIT],
        "looks like two objects. Repeat the option for each",
    ),
    (
        ["submit", "samtools", "--input", R1, R2, *SUBMIT],
        f"{R2} belongs to no option. An option takes one value. Repeat the option",
    ),
    (["submit", "samtools", "--output", "a.bam", "b.bam", *SUBMIT], "b.bam belongs to no option"),
    (
        ["submit", "samtools", "--output-prefix", "s3://data/p ", "--", "true"],
        "'s3://data/p ' begins or ends with a space",
    ),
    (["submit", "samtools", "--output-prefix", "s3://data/p\n", "--", "true"], "begins or ends with a space"),
    (["submit", "samtools ", *SUBMIT], "'samtools ': the stack has no such tool"),
    (["submit", "samtools", "--queue", "main ", *SUBMIT], "'main ' is not a queue. Use main, on-demand"),
    (["submit", "samtools", *SUBMIT[:2], "echo", "hi there"], "put -- before the command: … -- echo 'hi there'"),
    (
        ["submit", "samtools", "samtools", "view", "-c", "x", *SUBMIT[:2]],
        "put -- before the command: … -- samtools view -c x",
    ),
    (["submit", "samtools", "--", "view", *SUBMIT[:2]], "--output-prefix is after `--`"),
    (["submit", "samtools", *SUBMIT[:2]], "the command is missing"),
    (["submit", "samtools", "--out", "x", *SUBMIT], "unrecognized arguments: --out x"),
    (["submit", "samtools", "--memory-mib", "4GB", *SUBMIT], "'4GB' is not a whole number. Write it without a unit"),
    (["logs", "one", "two"], "'one' is not the name of a run, so it has no sample 'two'"),
]


def test_a_typing_error_gets_one_line_with_the_correct_command(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(clients, "ref", "R1")
    clients.s3.put_object(Bucket="data", Key="R2", Body=b"y")
    said = {shlex.join(given): refused(given, outputs_file, capsys) for given, _ in SLIPS}
    wrong = {
        shlex.join(given): said[shlex.join(given)]
        for given, words in SLIPS
        if len(said[shlex.join(given)]) != 1 or words not in said[shlex.join(given)][0]
    }
    assert wrong == {}
    assert submitted(clients) == []


def test_the_error_for_samples_with_the_same_reads_names_all_of_them(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(clients, "ref", "R1", "copy")
    clients.s3.put_object(Bucket="data", Key="R2", Body=b"y")
    given = [*CALL_AB, f"a={R1},{R2}", "--sample", f"b={R1}", "--sample", "c=s3://data/copy", "--sample", f"d={R2}"]
    assert refused(given, outputs_file, capsys) == [
        "biobatch: a R1 and b R1 and c R1 have the same reads: s3://data/R1 and s3://data/copy have the same size and ETag. Name each file of reads "
        "once",
        "biobatch: a R2 and d R1 have the same reads: both are s3://data/R2. Name each file of reads once",
    ]


def test_a_job_that_fits_no_machine_is_refused_before_it_is_submitted(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"max_vcpus": 256, "scratch_gib": 100, "instance_types": ["default_x86_64"]}
    outputs_file.write_text(json.dumps({**json.loads(outputs_file.read_text()), **limits}))
    (line,) = refused(["submit", "samtools", "--vcpus", "500", *SUBMIT], outputs_file, capsys)
    assert "samtools job: 500 vCPUs and 1,900 MiB can never start. maxVcpus is 256." in line
    put(clients, "ref", "R1")
    outputs_file.write_text(json.dumps({**json.loads(outputs_file.read_text()), "max_vcpus": 3}))
    monkeypatch.setattr(sizes, "_SMALL_READS", 0)
    (line,) = refused(["call-variants", *CALL], outputs_file, capsys)
    assert line.startswith("biobatch: a align: 4 vCPUs and 7,600 MiB can never start. maxVcpus is 3.")
    assert submitted(clients) == []


@pytest.mark.parametrize(
    ("words", "outputs", "hinted"),
    [
        (["samtools", "flagstat", "x.bam"], ["*.txt"], True),
        (["samtools", "flagstat", "x.bam"], ["*.bam", "out.*"], True),
        (["samtools", "flagstat", "x.bam"], ["*"], False),
        (["samtools", "flagstat", "-o", "mine.txt", "x.bam"], ["*.txt"], False),
        (["samtools flagstat x.bam > mine.txt"], ["*.txt"], False),
        (["samtools", "flagstat", "x.bam"], ["*.bai"], False),
        (["samtools", "flagstat", "x.bam"], [], False),
    ],
)
def test_a_redirection_into_a_file_that_matches_an_output_pattern_is_reported(
    words: list[str], outputs: list[str], hinted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "out.txt").open("w") as file:
        monkeypatch.setattr("sys.stdout", file)
        found = shell_words.redirection_faults(words, outputs)
    assert len(found) == hinted
    if hinted:
        assert "Quote the whole command: -- 'samtools flagstat x.bam > out.txt'" in found[0]


def test_a_pipe_is_not_reported_as_a_redirection() -> None:
    here, there = os.pipe()
    with os.fdopen(here), os.fdopen(there, "w") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", file)
        assert shell_words.redirection_faults(["samtools", "flagstat", "x.bam"], ["*"]) == []


def test_shell_syntax_in_a_command_without_a_shell_is_reported(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("biobatch.report.published", lambda clients, job: None)
    given = ["submit", "samtools", "--outputs", str(outputs_file), *SUBMIT[:2], "--"]
    assert main([*given, "samtools", "view", "a b.bam", "|", "head"]) == 0
    said = errors(capsys)
    assert "biobatch: warning: samtools gets '|' as an argument" in said
    assert shlex.split(said.rpartition(" -- ")[2]) == ["samtools view 'a b.bam' | head"]
    assert main([*given, "samtools view a.bam | head"]) == 0
    assert errors(capsys) == ""


def test_the_options_test_and_keep_reach_the_job(
    clients: Aws, outputs_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("biobatch.report.published", lambda clients, job: None)
    options = ["--test-inputs", "--keep-on-failure", "*.log", "--keep-on-failure", "a b.txt", "--timeout-hours", "2"]
    assert main(["submit", "samtools", "--outputs", str(outputs_file), *options, *SUBMIT]) == 0
    (found,) = submitted(clients)
    environment = {each["name"]: each["value"] for each in found["container"]["environment"]}
    assert environment["JOB_TEST_INPUTS"] == "1"
    assert environment["JOB_KEEP_ON_FAILURE"] == "*.log a%20b.txt"
    assert environment["JOB_TIMEOUT_SECONDS"] == "7200"
    # The first line is the name of the run, which is also a tag of its jobs.
    assert capsys.readouterr().out.splitlines()[0] == f"run {found['tags']['run']}"


def test_a_log_ends_with_the_state_of_the_job(
    clients: Aws, outputs_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("biobatch.report.published", lambda clients, job: None)
    assert main(["submit", "samtools", "--outputs", str(outputs_file), *SUBMIT]) == 0
    (found,) = submitted(clients)
    capsys.readouterr()
    assert main(["logs", "--outputs", str(outputs_file), found["jobId"]]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"--- {found['jobName']} SUCCEEDED")


def test_the_message_about_expired_credentials_contains_the_command_that_renews_them(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def expired(**_: object) -> None:
        raise ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "expired"}}, "DescribeJobs")

    monkeypatch.setattr("biobatch.logs._describe", lambda aws, job: expired())
    assert main(["logs", "--outputs", str(outputs_file), "job"]) == 2
    assert (
        "Renew your credentials. If they come from IAM Identity Center, run: aws sso login" in capsys.readouterr().err
    )


@pytest.mark.parametrize("how", ["the terminal is closed", "the terminal is closed and the client ignores SIGHUP"])
def test_a_closed_terminal_ends_the_client_without_a_traceback(how: str, tmp_path: Path) -> None:
    """The client runs in a real terminal or as under nohup. Standard error is a file."""
    program = tmp_path / "program.py"
    program.write_text(
        "import io, os, signal, sys, types\n"
        "from botocore.exceptions import ClientError\n"
        "from biobatch import __main__ as client, commands, signals\n"
        "from biobatch.commands import context\n"
        "from biobatch.job import Job\n"
        "from biobatch.run import record, submit\n"
        "from biobatch.run.parts import group\n"
        "from biobatch.target import Choice\n"
        "from biobatch.uris import parse_folder\n"
        "from biobatch.waiting import Queue\n"
        # The tests themselves may run under nohup.
        f"signal.signal(signal.SIGHUP, signal.{'SIG_IGN' if 'ignores' in how else 'SIG_DFL'})\n"
        "folder = parse_folder('s3://data/out')\n"
        "job = Job(subject='s', step='align', tool='t', command=('x',), output_prefix=folder, manifest=folder / 'm')\n"
        "def described(jobs):\n"
        f"    status = 'SUCCEEDED' if os.path.exists({str(tmp_path / 'end')!r}) else 'RUNNING'\n"
        "    return {'jobs': [{'jobId': 'the-id', 'status': status, 'startedAt': 1}]}\n"
        "def read(Bucket, Key):\n"
        "    if Key not in objects:\n"
        "        raise ClientError({'Error': {'Code': 'NoSuchKey'}}, 'GetObject')\n"
        "    return {'Body': io.BytesIO(objects[Key])}\n"
        "objects = {}\n"
        "s3 = types.SimpleNamespace(get_object=read, put_object=lambda Bucket, Key, Body: objects.update({Key: Body}))\n"
        "clients = types.SimpleNamespace(batch=types.SimpleNamespace(describe_jobs=described), s3=s3)\n"
        "held = types.SimpleNamespace(queue=Queue(region='eu-west-1', arn='arn:q'))\n"
        "run = record.Run(run='r', bucket='b', command='c', arguments=(), client='', user='', submitted=0, stack='', queue='q', "
        "output_prefix='', samples=0)\n"
        "groups = group('r', [job], {})\n"
        "name = groups[0].part.name\n"
        "task = record.Task({'JOB_SUBJECT': 's', 'JOB_MANIFEST': 's3://data/out/m'}, 'align')\n"
        "record.write(s3, record.resumed(run, [groups[0].part]), {name: [task]}, {name: ['x']})\n"
        "record.add_job_ids(s3, run, {name: 'the-id'})\n"
        "submit.submit = lambda *_: {name: 'the-id'}\n"
        "stack = types.SimpleNamespace(region='eu-west-1')\n"
        "shared = context.Context(choice=Choice(), stack=stack, clients=clients, target=None, user='')\n"
        "commands.run = lambda given: 0 if context.follow(shared, held.queue, run, context.start(shared, run, groups)) else 0\n"
        "signals.handle()\n"
        "sys.exit(client.main(['logs', 'x']))\n"
    )
    ours, theirs = pty.openpty()
    with (tmp_path / "errors").open("wb") as errors:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        # A new session with this terminal. The kernel sends SIGHUP when the terminal closes.
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import fcntl, termios, runpy; fcntl.ioctl(0, termios.TIOCSCTTY, 0); runpy.run_path({str(program)!r})",
            ],
            stdin=theirs,
            stdout=theirs,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            seen = b""
            # The second occurrence is in the table.
            while seen.count(b"align") < 2:
                seen += os.read(ours, 1000)
            os.close(ours)
            if "ignores" in how:
                # The client ignores SIGHUP and continues. Only at the end, it cannot print the outcome.
                (tmp_path / "end").touch()
            code = process.wait(timeout=60)
        finally:
            process.kill()
    said = (tmp_path / "errors").read_text()
    assert "Traceback" not in said
    if "ignores" in how:
        assert code == 1
    else:
        assert "biobatch watch r\n" in said
        assert code == 128 + signal.SIGHUP


def test_call_variants_prints_its_outputs_if_all_jobs_succeed(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(clients, "ref", "R1")
    published(clients)
    assert main(["call-variants", "--outputs", str(outputs_file), "--timeout-hours", "48", *CALL]) == 0
    said = capsys.readouterr().out
    assert [each.get("timeout") for each in submitted(clients) if "page" not in each["jobName"]] == [
        {"attemptDurationSeconds": 48 * 3600}
    ] * 4
    assert re.search(r"^\d\d:\d\d:\d\d a align: done", said, re.MULTILINE)
    for key in ("a/a.bam", "a/a.vcf.gz", "qc/", "fastqc/"):
        assert f"s3://data/out/{key}" in said
    assert "\n  a: 7 SNPs, 2 indels. Filtered: 3 LowQual\n" in said
    (run,) = record.names(clients.s3, "data")
    sheet = clients.s3.get_object(Bucket="data", Key=f"runs/{run}/samples.csv")["Body"].read().decode()
    assert sheet == "sample,fastq_1,fastq_2\na,s3://data/R1,\n"


def test_a_failed_job_is_reported_with_its_dependent_jobs(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_SIMPLE_BATCH_FAIL_AFTER", "0")
    put(clients, "ref", "R1")
    assert main(["call-variants", "--outputs", str(outputs_file), *CALL]) == 1
    said = capsys.readouterr().err
    assert "3 of 5 jobs failed" in said
    assert "warning, a fastqc R1: failed" in said
    assert "warning, page" not in said
    assert "a align: not run, because reference index failed" in said
    assert "a call: not run, because a align failed" in said
    assert re.search(
        rf"^Correct the cause, then submit what is missing: biobatch resume --outputs {outputs_file} \S+$",
        said,
        re.MULTILINE,
    )


def test_without_outputs_the_client_sends_no_request_to_aws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "--outputs", str(tmp_path / "none"), "job"]) == 2
    assert capsys.readouterr().err.startswith("biobatch: --outputs")


def test_missing_credentials_are_reported_in_one_line(
    outputs_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert main(["logs", "--outputs", str(outputs_file), "job"]) == 2
    assert (
        capsys.readouterr().err
        == "biobatch: there are no AWS credentials. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n"
    )


@pytest.mark.parametrize("queue", ["main", "on-demand"])
def test_call_variants_is_refused_while_jobs_of_an_earlier_run_write_to_the_same_folder(
    queue: str,
    clients: Aws,
    outputs_file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(clients, "ref", "R1")
    published(clients)
    published(clients, "other")
    command = ["call-variants", "--outputs", str(outputs_file), "--queue", queue, *CALL]
    assert main(command) == 0
    assert main(command) == 0
    # Moto's jobs end at once, so the test counts successful jobs as running.
    monkeypatch.setattr(submit, "_LIVE", ("RUNNING", "SUCCEEDED"))
    capsys.readouterr()
    assert main([*command, "--queue", "main"]) == 2
    said = errors(capsys)
    assert said.startswith("biobatch: s3://data/out/: the run ")
    assert re.search(r"is still writing there.*: biobatch cancel \d{8}-\d{6}-[0-9a-f]{4}$", said)
    assert main([*command, "--output-prefix", "s3://data/other"]) == 0


def test_a_pair_with_identical_files_and_archived_reads_are_refused(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No read pair would map as a proper pair if both files were equal. A job cannot download archived objects."""
    put(clients, "ref", "R1", "copy of R1")
    for storage in ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"):
        clients.s3.put_object(Bucket="data", Key=storage, Body=b"reads", StorageClass=storage)
    samples = [
        "a=s3://data/R1,s3://data/copy of R1",
        *(f"{each}=s3://data/{each}" for each in ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR")),
    ]
    given = [word for sample in samples for word in ("--sample", sample)]
    assert main(["call-variants", "--outputs", str(outputs_file), *CALL[:4], *given]) == 2
    said = errors(capsys).splitlines()
    assert len(said) == 3, said
    assert any(
        "a R1 and a R2 have the same reads: s3://data/R1 and s3://data/copy of R1 have the same size and ETag" in line
        for line in said
    )
    for key in ("GLACIER", "DEEP_ARCHIVE"):
        assert any(
            f"s3://data/{key}: the object is archived. Restore it first: aws s3api restore-object" in line
            for line in said
        )
    assert submitted(clients) == []


@pytest.mark.parametrize("command", ["submit", "call-variants"])
def test_a_bucket_of_another_region_is_refused(
    command: str, clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(clients, "ref")
    there = boto3.client("s3", region_name="eu-west-1")
    there.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    there.put_object(Bucket="far", Key="R1", Body=b"x")
    if command == "submit":
        given = ["submit", "samtools", "--input", "s3://far/R1", *SUBMIT]
    else:
        given = ["call-variants", *CALL[:-1], "a=s3://far/R1"]
    assert main([given[0], "--outputs", str(outputs_file), *given[1:]]) == 2
    said = errors(capsys)
    assert said.startswith("biobatch: s3://far is in eu-west-1, and the stack is in us-east-1")
    assert len(said.splitlines()) == 1
    assert submitted(clients) == []


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (KeyboardInterrupt(), 130),
        (EndpointConnectionError(endpoint_url="https://batch"), 2),
    ],
)
def test_an_interrupted_client_leaves_its_jobs_running_and_prints_how_to_follow_and_end_them(
    what: BaseException,
    code: int,
    clients: Aws,
    outputs_file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut_off(*_: object) -> None:
        raise what

    monkeypatch.setattr(watch, "_poll", cut_off)
    assert main(["submit", "samtools", "--outputs", str(outputs_file), *SUBMIT]) == code
    assert len(submitted(clients)) == 1
    said = capsys.readouterr()
    name = said.out.split()[1]
    assert f"The jobs go on. Follow them: biobatch watch --outputs {outputs_file} {name}\n" in said.err
    assert f"End them: biobatch cancel --outputs {outputs_file} {name}\n" in said.err


def test_if_a_submission_fails_the_client_ends_the_jobs_that_it_submitted(
    clients: Aws, stack: StackOutputs, outputs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(clients, "ref", "R1")
    ended: list[str] = []
    monkeypatch.setattr(clients.batch, "terminate_job", lambda jobId, reason: ended.append(jobId))  # noqa: N803
    faults = Faults()
    request = parse_request(
        faults, reference="s3://data/ref", samples=["a=s3://data/R1"], output_prefix="s3://data/out"
    )
    definitions = sizes.defaults(clients.batch, stack.job_definition_arns)
    plan = variants.prepare(request, faults, clients, definitions)
    arns = {tool: arn for tool, arn in stack.job_definition_arns.items() if tool != "bcftools"}
    short = StackOutputs(**{**stack.__dict__, "job_definition_arns": arns})
    run = submit.new_run(stack, command="call-variants", output_prefix=request.output_prefix)
    with pytest.raises(Exception, match="'bcftools': the stack has no such tool"):
        submit.submit_jobs(clients, short, run, plan.jobs, definitions)
    assert len(ended) == 3


def test_a_table_of_tasks_is_one_array_whose_jobs_publish_in_folders_of_their_own(
    clients: Aws, outputs_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(clients, "a.bam", "b.bam", "common")
    table = tmp_path / "tasks.tsv"
    table.write_text("name\t--input BAM\na\ts3://data/a.bam\nb\ts3://data/b.bam\n")
    given = [
        "--tasks",
        str(table),
        "--input",
        "s3://data/common",
        "--output",
        "*.txt",
        "--output-prefix",
        "s3://data/out",
    ]
    assert main(["submit", "samtools", "--outputs", str(outputs_file), *given, "--detach", "--", "cat $BAM"]) == 0
    assert re.search(
        r"^The jobs go on. Follow them: biobatch watch --outputs \S+ \S+$", capsys.readouterr().err, re.MULTILINE
    )
    (found,) = (each for each in submitted(clients) if "size" in each.get("arrayProperties", {}))
    assert found["arrayProperties"]["size"] == 2
    (run,) = record.names(clients.s3, "data")
    (part,) = (recorded := record.read(clients.s3, "data", run)).parts
    first, second = (dict(task.variables) for task in record.tasks(clients.s3, recorded, part))
    assert (first["JOB_OUTPUT_PREFIX"], second["JOB_OUTPUT_PREFIX"]) == ("s3://data/out/a/", "s3://data/out/b/")
    assert (first["JOB_INPUTS"], first["BAM"]) == ("s3://data/common s3://data/a.bam", "a.bam")
    assert (second["JOB_MANIFEST"], second["JOB_RESUME"]) == ("s3://data/out/b/manifest.json", "1")


def test_a_table_with_missing_inputs_is_refused_with_all_of_them(
    clients: Aws, outputs_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(clients, "a.bam")
    table = tmp_path / "tasks.tsv"
    table.write_text("--input\n" + "".join(f"s3://data/none/{number}.bam\n" for number in range(60)))
    given = ["--tasks", str(table), "--output-prefix", "s3://data/out"]
    assert main(["submit", "samtools", "--outputs", str(outputs_file), *given, "--", "true x"]) == 2
    said = errors(capsys).splitlines()
    assert len(said) == 51
    assert "the object does not exist" in said[0]
    assert said[-1] == "biobatch: and 10 more errors"
    assert submitted(clients) == []


def test_a_dry_run_prints_the_plan_and_submits_and_uploads_nothing(
    clients: Aws, outputs_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(clients, "ref")
    (tmp_path / "R1.fq").write_bytes(b"@" * 45_000_000)
    sheet = tmp_path / "samples.csv"
    sheet.write_text("sample,fastq_1\na,R1.fq\n")
    given = ["--reference", "s3://data/ref", "--output-prefix", "s3://data/out", "--samples", str(sheet), "--upload"]
    command = ["call-variants", "--outputs", str(outputs_file), *given, "--dry-run"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 sample, 42.9 MiB of reads, a reference of at most 1 bases\n")
    assert re.search(r"^align +1 +1 +1,900 +0\.0 *$", said, re.MULTILINE)
    assert re.search(r"Estimated cost of the machines: 0.0\d USD on Spot, .*\nNothing was submitted", said)
    assert main([*command, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    by_step = {part["step"]: part for part in values["parts"]}
    # 18 million bases at 1.8 million a second, of which the alignment takes 70 %, and 20 seconds to start.
    assert by_step["align"]["vcpu_hours"] == pytest.approx(27 / 3600)
    assert values["vcpu_hours"] == pytest.approx(sum(part["vcpu_hours"] for part in values["parts"]))
    assert submitted(clients) == []
    assert record.names(clients.s3, "data") == []
    assert [each["Key"] for each in clients.s3.list_objects_v2(Bucket="data")["Contents"]] == ["ref"]


def test_a_dry_run_of_submit_prints_its_jobs(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "samtools", "--outputs", str(outputs_file), "--dry-run", *SUBMIT]) == 0
    assert re.search(r"^job +1 +1 +1,900 *\nNothing was submitted", capsys.readouterr().out, re.MULTILINE)
    assert submitted(clients) == []


def test_a_detached_submission_prints_the_run_and_its_jobs_as_json(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "samtools", "--outputs", str(outputs_file), "--detach", "--json", *SUBMIT]) == 0
    values = json.loads(capsys.readouterr().out)
    (found,) = submitted(clients)
    assert values == {
        "run": record.names(clients.s3, "data")[0],
        "output_prefix": "s3://data/out/",
        "jobs": {found["jobName"]: found["jobId"]},
    }


@pytest.fixture
def heads_file(clients: Aws, stack: StackOutputs, tmp_path: Path) -> Path:
    """The outputs of a stack with `engines` and one tool of the lab's own."""
    head = clients.batch.register_job_definition(
        jobDefinitionName="head-snakemake",
        type="container",
        containerProperties={
            "image": "none",
            "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "3800"}],
        },
    )["jobDefinitionArn"]
    file = tmp_path / "heads.json"
    file.write_text(
        json.dumps({**stack.__dict__, "engine_policy_arn": "arn:p", "head_job_definition_arns": {"snakemake": head}})
    )
    return file


HEAD = ["submit", "--head", "snakemake", *SUBMIT[:2]]


def test_a_head_runs_on_the_on_demand_queue_with_a_definition_of_its_own(
    clients: Aws, heads_file: Path, stack: StackOutputs, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--outputs", str(heads_file), "--detach"]
    assert main([*HEAD, *options, "--", "snakemake"]) == 0
    assert main([*HEAD, *options, "--queue", "on-demand", "--", "snakemake"]) == 0
    assert submitted(clients) == []
    summaries = [
        each
        for status in ("SUCCEEDED", "FAILED")
        for each in clients.batch.list_jobs(jobQueue="on-demand", jobStatus=status)["jobSummaryList"]
    ]
    found = clients.batch.describe_jobs(jobs=[each["jobId"] for each in summaries])["jobs"]
    assert [each["jobDefinition"].rpartition("/")[2] for each in found] == ["head-snakemake:1"] * 2
    run = record.read(clients.s3, "data", record.names(clients.s3, "data")[0])
    (part,) = run.parts
    assert (run.queue, part.tool, part.vcpus) == (stack.on_demand_queue_arn, "head:snakemake", 2)
    environment = {each["name"]: each["value"] for each in found[0]["container"]["environment"]}
    assert environment["JOB_MANIFEST"].startswith("s3://data/out/snakemake-")
    # It published nothing, so it is submitted again, with the same definition and to the same queue.
    assert main(["resume", "--outputs", str(heads_file), "--detach", run.run]) == 0
    again = record.read(clients.s3, "data", run.run)
    assert [each.tool for each in again.parts] == ["head:snakemake"] * 2
    # Its manifest names the image of the definition, so it has finished.
    (task,) = record.tasks(clients.s3, again, again.parts[0])
    made = {"image": "none", "command": shell_command(["snakemake"])}
    clients.s3.put_object(Bucket="data", Key=task.manifest.removeprefix("s3://data/"), Body=json.dumps(made).encode())
    capsys.readouterr()
    assert main(["resume", "--outputs", str(heads_file), "--detach", run.run]) == 0
    assert f"{run.run}: nothing is missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--queue", "main"], "--queue main: --head runs on the On-Demand queue only"),
        (["--tasks", "tasks.tsv"], "--tasks tasks.tsv: --head runs one job"),
        (["--queue", "spot"], "'spot' is not a queue"),
    ],
)
def test_a_head_is_refused_on_another_queue_and_for_a_table(
    options: list[str],
    words: str,
    clients: Aws,
    heads_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tasks.tsv").write_text("name\na\n")
    assert main([*HEAD, "--outputs", str(heads_file), *options, "--", "true"]) == 2
    assert words in capsys.readouterr().err
    assert submitted(clients) == []


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({}, "An administrator allows it: pulumi config set biobatch:engines true && pulumi up"),
        ({"engine_policy_arn": "arn:p"}, "--head runs tools of your own, and the stack has none"),
        (
            {"engine_policy_arn": "arn:p", "head_job_definition_arns": {"nextflow": "arn:n"}},
            "TOOL 'snakemake': the stack cannot run it as a head. With --head it runs nextflow",
        ),
    ],
)
def test_a_head_that_the_stack_does_not_have_is_refused(
    outputs: dict[str, Any],
    words: str,
    clients: Aws,
    outputs_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    outputs_file.write_text(json.dumps({**json.loads(outputs_file.read_text()), **outputs}))
    assert main([*HEAD, "--outputs", str(outputs_file), "--", "true"]) == 2
    assert words in capsys.readouterr().err
    assert submitted(clients) == []
