"""Problems that users of other launchers had with their commands, tested with the entrypoint of the images."""

import json
from typing import Any

import pytest

from biobatch import variants
from biobatch.job import overrides
from biobatch.objects import Object
from biobatch.refusal import Faults
from biobatch.request import parse_request
from biobatch.sizes import Size
from biobatch.variants import Plan
from tests.field.test_reads import SOUND
from tests.images.containers import Images, Result
from tests.images.storage import Folder

#: An agent that answers 429 twice and then provides credentials, as the ECS agent does if many jobs start at once on a machine.
THROTTLING_AGENT = r"""
my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die;
print "listening\n";
for (my $asked = 1; my $client = $listener->accept; $asked++) {
  while (<$client>) { last if /^\r?$/ }
  my $body = $asked > 2 ? '{"AccessKeyId":"local","SecretAccessKey":"local","Token":"t","Expiration":"2099-01-01T00:00:00Z"}' : "slow down";
  my $status = $asked > 2 ? "200 OK" : "429 Too Many Requests";
  print $client "HTTP/1.1 $status\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body";
  close $client;
}
"""


def test_braces_in_an_output_pattern_are_reported_as_a_pattern_without_a_match(images: Images, folder: Folder) -> None:
    """The shell expands braces, but a glob does not."""
    environment = {"JOB_OUTPUTS": "*_fastqc.{zip,html}", "JOB_OUTPUT_PREFIX": folder.uri()}
    job = images.run("samtools", "touch s_fastqc.zip s_fastqc.html", environment=environment)
    assert job.exit_code == 73
    assert '"*_fastqc.{zip,html}"' in job.log
    assert folder.names() == set()


def test_requests_to_a_throttling_agent_are_retried(images: Images, folder: Folder) -> None:
    environment = {
        "JOB_INPUTS": folder.put("in", b"ACGT"),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:8080/role",
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AGENT": THROTTLING_AGENT,
    }
    script = 'coproc perl -MIO::Socket::INET -e "\\$|=1;$AGENT"; read -r <&"${COPROC[0]}"; exec job "cat in"'
    job = images.run("samtools", "-c", script, environment=environment, entrypoint="/bin/bash")
    assert job.exit_code == 0, job.log
    assert job.log.startswith("ACGT")


def test_the_old_quality_letters_of_illumina_give_a_warning(images: Images, folder: Folder) -> None:
    environment = {
        "SAMPLE": "s",
        "MATE": "R1",
        "READS": "reads",
        "JOB_INPUTS": folder.put("reads", SOUND["phred-64"][0][0]),
    }
    publishing = {"JOB_OUTPUTS": "fastqc/s_R1.warnings.txt", "JOB_OUTPUT_PREFIX": folder.uri()}
    job = images.run("fastqc", variants.script("fastqc"), environment={**environment, **publishing})
    assert job.exit_code == 0, job.log
    assert "the quality letters look like Illumina 1.5" in folder.get("fastqc/s_R1.warnings.txt").decode()


def fastqc(images: Images, folder: Folder, reads: bytes, **options: Any) -> tuple[Result, str]:
    """Runs the step as call-variants does, and returns the job with its warnings."""
    environment = {"SAMPLE": "s", "MATE": "R1", "READS": "reads", "JOB_INPUTS": folder.put("reads", reads)}
    publishing = {"JOB_OUTPUTS": "fastqc/s_R1.warnings.txt", "JOB_OUTPUT_PREFIX": folder.uri()}
    job = images.run("fastqc", variants.script("fastqc"), environment={**environment, **publishing}, **options)
    return job, folder.get("fastqc/s_R1.warnings.txt").decode() if job.exit_code == 0 else ""


@pytest.mark.parametrize("letter", ["~", "I"])
def test_high_qualities_do_not_look_like_the_old_letters(images: Images, folder: Folder, letter: str) -> None:
    """All are above the letters that tell the encodings apart, as in PacBio HiFi reads."""
    job, warnings = fastqc(images, folder, SOUND["phred-64"][0][0].replace(b"h" * 100, letter.encode() * 100))
    assert job.exit_code == 0, job.log
    assert "quality letters" not in warnings


#: Reads that FastQC cannot read, and the reason.
UNREADABLE = {
    "many-lines-a-record": (SOUND["many-lines-a-record"][0][0], "FastQC reads only records of four lines"),
    "fasta": (b">a\nACGT\n", "ID line didn't start with '@' at line 1"),
    "zeros-behind-gzip": (SOUND["zeros-behind-gzip"][0][0], "Not in GZIP format"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_failure_of_fastqc_is_one_line(images: Images, folder: Folder, what: str) -> None:
    reads, reason = UNREADABLE[what]
    job, _ = fastqc(images, folder, reads)
    assert job.exit_code == 1
    first, *rest = job.log.splitlines()
    assert first.startswith("FastQC failed on reads: ")
    assert first.endswith(reason)
    assert all(line.startswith("job: ") for line in rest)


def test_fastqc_uses_the_memory_of_its_job_and_says_what_it_needs(images: Images, folder: Folder) -> None:
    read = f"@long\n{'ACGT' * 150_000}\n+\n{'I' * 600_000}\n".encode()
    job, _ = fastqc(images, folder, read, mem_limit="1800m")
    assert job.exit_code == 0, job.log
    job, _ = fastqc(images, folder, read, mem_limit="700m")
    assert job.exit_code == 3
    assert job.log.splitlines()[0] == (
        "FastQC failed on reads: it ran out of memory with a heap of 512 MiB. The longest read has 600000 bases. Give it more: "
        "pulumi config set --path 'biobatch:tools.fastqc.memoryMib' 3600"
    )


def test_whole_reads_without_the_last_block_of_bgzip_pass_the_quality_report(images: Images, folder: Folder) -> None:
    """bcl2fastq2 writes such files, so a missing block does not prove truncation. The job is as call-variants submits it."""
    reads = folder.put("s_R1.fastq.gz", SOUND["bgzip-without-last-block"][0][0])
    request = parse_request(
        Faults(), reference=folder.uri("r.fa"), samples=[f"s={reads}"], output_prefix=folder.uri("out")
    )
    plan = Plan(
        request=request,
        known={uri: Object(uri, 1_000_000, "etag") for uri in request.objects()},
        definitions=dict.fromkeys(images.uris, Size(1, 1900)),
        gzipped=False,
        indexed=True,
    )
    (report,) = (job for job in plan.jobs if job.step == "fastqc")
    variables = {each["name"]: each["value"] for each in overrides(report)[0]["environment"]}
    job = images.run("fastqc", *report.command, environment={**variables, "JOB_IMAGE": "repository@sha256:0"})
    assert job.exit_code == 0, job.log
    assert "Unless bcl2fastq wrote the file" in folder.get("out/fastqc/s_R1.warnings.txt").decode()


def test_a_million_lines_of_log_hide_neither_the_end_nor_the_record(images: Images, folder: Folder) -> None:
    job = images.run("samtools", "seq 1 1000000", environment={"JOB_OUTPUT_PREFIX": folder.uri()})
    assert job.exit_code == 0
    *lines, last = job.log.splitlines()
    assert lines[:1_000_000] == [str(number) for number in range(1, 1_000_001)]
    assert json.loads(folder.get("manifest.record.json")) == json.loads(last.removeprefix("job: "))
