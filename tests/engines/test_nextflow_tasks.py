"""What Nextflow does on AWS works on the queue, with no more rights than the documentation says."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import docker
import pytest
from botocore.exceptions import ClientError

from local.aws.batch.runner import JOB_LABEL
from local.machine import docker_engine
from local.paths import ROOT
from local.stack.base_image import BASE_IMAGE
from tests.engines.conftest import EngineStack, Environment, Sample, clients_of, vcf_records
from tests.engines.nextflow import LocalRun
from tests.engines.nextflow_tasks import RELEASES, Head, Submitted, Task, TaskFailed

#: The tool of each process of the example.
TOOLS = {"FASTQC": "fastqc", "INDEX": "bwa", "ALIGN": "bwa", "CALL": "bcftools"}

#: The repository of the images that stand for those of BioContainers. The stack's default for `engineImages` allows it.
REPOSITORY = "quay.io/biocontainers"
#: The tag of these images. They are made here and exist nowhere else.
TAG = "made-by-a-test"

#: The options of `aws s3 cp` that Nextflow writes with every setting of the scopes aws.client and aws.batch. In the scripts of 24.10.0, 25.04.4
#: and 26.04.6 they are the same. Nextflow has no others, and none for `aws s3 ls`.
UPLOAD_OPTIONS = "--debug --sse aws:kms --sse-kms-key-id alias/aws/s3 --request-payer requester"
ACL_OPTION = "--acl bucket-owner-full-control"
DOWNLOAD_OPTIONS = "--debug --request-payer requester --force-glacier-transfer"


def foreign(name: str) -> str:
    """The image that stands for that of BioContainers for a tool."""
    return f"{REPOSITORY}/{name}:{TAG}"


@pytest.fixture(scope="module")
def engine(stack: EngineStack) -> Iterator[docker.DockerClient]:
    """The Docker engine that runs the jobs."""
    with docker_engine.client(stack.record.docker_host) as client:
        yield client


@pytest.fixture(scope="module")
def containers(engine: docker.DockerClient, stack: EngineStack) -> Iterator[None]:
    """Images as BioContainers makes them, with the tools of the stack: root by default, without an entrypoint, in the folder /. One has no
    tool: plain Debian, without certificates and `ps`."""
    made = []
    for tool in sorted(set(TOOLS.values())):
        # A commit would keep the entrypoint, because Docker takes an empty one for none given.
        dockerfile = f"FROM {stack.outputs['image_uris'][tool]}\nUSER root\nWORKDIR /\nENTRYPOINT []\n"
        engine.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=foreign(tool), rm=True)
        made.append(foreign(tool))
    engine.images.get(BASE_IMAGE).tag(f"{REPOSITORY}/debian", TAG)
    made.append(foreign("debian"))
    yield
    for image in made:
        engine.images.remove(image, force=True)


@pytest.fixture(scope="session")
def submit_only(user: Callable[..., Environment], stack: EngineStack) -> Environment:
    """A user who holds the submit policy alone."""
    return user(stack.outputs["submit_policy_arn"])


@pytest.fixture(scope="session")
def both_policies(user: Callable[..., Environment], stack: EngineStack) -> Environment:
    """A user who holds the submit policy and the engine policy."""
    return user(stack.outputs["submit_policy_arn"], stack.outputs["engine_policy_arn"])


@pytest.fixture
def own(stack: EngineStack, submit_only: Environment, work: str) -> Head:
    """Nextflow 24.10 with `container = 'job-definition://…'`, by a user who holds the submit policy alone."""
    definitions = {
        process: stack.outputs["engine_job_definition_arns"][tool] for process, tool in {**TOOLS, "ANY": "bwa"}.items()
    }
    return Head(clients_of(submit_only), stack.outputs["queue_arn"], definitions, work)


@pytest.fixture
def registering(stack: EngineStack, both_policies: Environment, work: str, containers: None) -> Head:
    """Nextflow 25.10 with images of a pipeline, by a user who also holds the engine policy."""
    head = Head(clients_of(both_policies), stack.outputs["queue_arn"], {}, work, release=RELEASES[1])
    images = {**TOOLS, "ANY": "debian"}
    return replace(
        head, definitions={process: register(head, stack, foreign(tool)) for process, tool in images.items()}
    )


@pytest.fixture(params=["own", "registering"])
def head(request: pytest.FixtureRequest) -> Head:
    """Each of the two."""
    found: Head = request.getfixturevalue(request.param)
    return found


def register(head: Head, stack: EngineStack, image: str, user: str = "10001:10001") -> str:
    """Registers a job definition for an image with the settings of `biobatch engines nextflow --images`."""
    return head.register(
        image,
        job_role=stack.outputs["job_role_arn"],
        execution_role=stack.outputs["execution_role_arn"],
        log_group=stack.outputs["log_group"],
        user=user,
    )


def call_variants(head: Head, scripts: Mapping[str, str], sample: Sample) -> tuple[str, list[Submitted]]:
    """Runs the example's tasks. Returns the URI of the VCF, and the tasks that were not done before."""
    names = [uri.rsplit("/", 1)[-1] for uri in (sample.reference, *sample.reads)]
    reads = dict(zip(names[1:], sample.reads, strict=True))
    fastqc = Task(
        "FASTQC (lambda)", scripts["FASTQC"], reads, ("*_fastqc.html", "*_fastqc.zip"), memory_mib=2048, trace=True
    )
    index = Task("INDEX", scripts["INDEX"], {names[0]: sample.reference}, ("reference",), memory_mib=2048)
    ran = head.run(fastqc, index)
    reference = {"reference": f"{head.folder(index)}/reference"}
    files = ("lambda.bam", "lambda.bam.bai")
    align = Task("ALIGN (lambda)", scripts["ALIGN"], {**reads, **reference}, files, cpus=2, memory_mib=3072)
    ran += head.run(align)
    alignment = {name: f"{head.folder(align)}/{name}" for name in files}
    call = Task(
        "CALL (lambda)",
        scripts["CALL"],
        {**alignment, **reference},
        ("lambda.vcf.gz", "lambda.vcf.gz.tbi"),
        memory_mib=2048,
    )
    ran += head.run(call)
    return f"{head.folder(call)}/lambda.vcf.gz", ran


@pytest.mark.parametrize(("by", "release"), [("own", "24.10"), ("own", "25.10"), ("registering", "25.10")])
def test_the_tasks_give_the_variants_of_call_variants(
    by: str, release: str, request: pytest.FixtureRequest, local_run: LocalRun, sample: Sample, published: str
) -> None:
    head: Head = replace(request.getfixturevalue(by), release=release)
    vcf, ran = call_variants(head, local_run.scripts, sample)
    assert vcf_records(head.read(vcf)) == sample.records
    assert [each.task.name.split()[0] for each in ran] == ["FASTQC", "INDEX", "ALIGN", "CALL"]
    fastqc = head.names(ran[0].folder)
    assert {".command.begin", ".command.out", ".command.err", ".command.trace", ".exitcode"} <= fastqc
    # Newer releases start `tee` in the folder of the image, which a user without privileges cannot write to.
    assert (".command.log" in fastqc) == (by == "own")
    # -resume runs nothing.
    assert call_variants(head, local_run.scripts, sample) == (vcf, [])
    # A second run replaces what the first one published.
    for content in (b"older", head.read(vcf)):
        head.write(f"{head.work}/result", content)
        head.publish(f"{head.work}/result", f"{published}/lambda.vcf.gz")
        assert head.read(f"{published}/lambda.vcf.gz") == content


def test_resume_runs_what_failed_and_what_follows(own: Head, local_run: LocalRun, sample: Sample) -> None:
    broken = {**local_run.scripts, "CALL": "echo no calls >&2; exit 3"}
    with pytest.raises(TaskFailed) as failed:
        call_variants(own, broken, sample)
    assert failed.value.job["container"]["exitCode"] == 3
    assert own.read(f"{failed.value.submitted.folder}/.exitcode") == b"3"
    assert own.read(f"{failed.value.submitted.folder}/.command.err") == b"no calls\n"
    vcf, ran = call_variants(own, local_run.scripts, sample)
    assert [each.task.name for each in ran] == ["CALL (lambda)"]
    assert vcf_records(own.read(vcf)) == sample.records


def test_results_are_replaced_in_the_folder_of_engines_only(own: Head, stack: EngineStack) -> None:
    source, elsewhere = f"{own.work}/file", f"s3://{stack.bucket}/elsewhere/file"
    own.write(source, b"new")
    own.publish(source, elsewhere)
    with pytest.raises(ClientError, match="AccessDenied"):
        own.publish(source, elsewhere)


def test_registration_takes_the_engine_policy(own: Head, registering: Head, stack: EngineStack) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: batch:RegisterJobDefinition"):
        register(own, stack, foreign("samtools"))
    with pytest.raises(ClientError, match="not authorized to perform: batch:RegisterJobDefinition"):
        register(registering, stack, foreign("samtools"), user="")


def test_a_definition_is_registered_once(registering: Head, stack: EngineStack) -> None:
    assert register(registering, stack, foreign("debian")) == registering.definitions["ANY"]


def test_a_task_that_ran_out_of_memory_succeeds_with_more(head: Head, stack: EngineStack) -> None:
    # `tail` keeps the whole line in memory.
    task = Task("ANY", "head -c 120000000 /dev/zero | tail | wc -c > size", outputs=("size",), memory_mib=64)
    with pytest.raises(TaskFailed) as failed:
        head.run(task)
    assert failed.value.job["container"].get("exitCode") == 137, failed.value
    assert head.read(f"{failed.value.submitted.folder}/.exitcode") == b"137"
    again = replace(task, memory_mib=512)
    head.run(again)
    assert head.read(f"{head.folder(again)}/size") == b"120000000\n"


def test_ctrl_c_ends_all_tasks(own: Head, engine: docker.DockerClient) -> None:
    tasks = [Task(f"ANY ({number})", "sleep 600", outputs=("never",)) for number in range(4)]
    submitted = [own.submit(task) for task in tasks]
    # Some run, and some may wait for a free vCPU.
    own.wait(submitted[:1], ("RUNNING",))
    own.stop()
    for job in own.wait(submitted):
        assert (job["status"], job["statusReason"]) == ("FAILED", "Job killed by NF")
    assert not any(own.is_done(task) for task in tasks)
    running = {container.labels[JOB_LABEL] for container in engine.containers.list(filters={"label": JOB_LABEL})}
    assert not running & {each.id for each in submitted}


@pytest.mark.parametrize(("by", "attempts"), [("own", 0), ("registering", 4)])
def test_a_task_whose_machine_was_reclaimed_runs_again(by: str, attempts: int, request: pytest.FixtureRequest) -> None:
    # The stack's definitions retry by themselves. For its own definitions, Nextflow sends rules with aws.batch.maxSpotAttempts.
    head: Head = replace(request.getfixturevalue(by), max_spot_attempts=attempts)
    script = 'echo $AWS_BATCH_JOB_ATTEMPT > attempt; [ "$AWS_BATCH_JOB_ATTEMPT" -gt 1 ] || sleep 600'
    submitted = head.submit(Task("ANY", script, outputs=("attempt",)))
    head.wait([submitted], ("RUNNING",))
    subprocess.run([sys.executable, "-m", "local", "reclaim", submitted.id], cwd=ROOT, check=True)
    (job,) = head.wait([submitted])
    assert (job["status"], len(job["attempts"])) == ("SUCCEEDED", 2)
    assert head.read(f"{submitted.folder}/attempt") == b"2\n"
    assert head.read(f"{submitted.folder}/.exitcode") == b"0"


def test_an_array_with_labels_and_a_time_limit(own: Head, stack: EngineStack) -> None:
    head = replace(own, labels={"project": "lambda"}, seconds=600)
    tasks = [Task(f"ANY ({word})", f"echo {word} > word; echo said {word}", outputs=("word",)) for word in ("a", "b")]
    submitted = head.submit_array(tasks)
    jobs = head.wait(submitted)
    assert [job["status"] for job in jobs] == ["SUCCEEDED", "SUCCEEDED"]
    assert [head.read(f"{each.folder}/word") for each in submitted] == [b"a\n", b"b\n"]
    assert "said b" in head.log(jobs[1], stack.outputs["log_group"])
    assert jobs[0]["timeout"] == {"attemptDurationSeconds": 600}


def test_one_cpu_and_little_memory_are_what_a_task_reserves(own: Head) -> None:
    (job,) = own.wait([own.submit(Task("ANY", "true"))])
    sizes = {each["type"]: each["value"] for each in job["container"]["resourceRequirements"]}
    assert sizes == {"VCPU": "1", "MEMORY": "1024"}


def test_releases_before_25_10_cannot_run_images_without_privileges(registering: Head, stack: EngineStack) -> None:
    with pytest.raises(TaskFailed) as failed:
        replace(registering, release="24.10").run(Task("ANY", "true"))
    assert any(
        "tee: .command.log: Permission denied" in line
        for line in registering.log(failed.value.job, stack.outputs["log_group"])
    )


@pytest.mark.parametrize("options", ["plain", "every"])
def test_aws_takes_each_option_that_nextflow_writes(options: str, own: Head, sample: Sample) -> None:
    every = options == "every"
    head = replace(
        own, upload_options=UPLOAD_OPTIONS if every else "", download_options=DOWNLOAD_OPTIONS if every else ""
    )
    script = "mkdir folder; cp *.fa.gz folder; touch folder/empty 'folder/two words'"
    task = Task("ANY", script, {"NC_001416.1.fa.gz": sample.reference}, ("folder",))
    head.run(task)
    again = Task("ANY (again)", "ls folder > list", {"folder": f"{head.folder(task)}/folder"}, ("list",))
    head.run(again)
    assert head.read(f"{head.folder(again)}/list") == b"NC_001416.1.fa.gz\nempty\ntwo words\n"


def test_aws_refuses_an_option_that_it_does_not_know(own: Head) -> None:
    with pytest.raises(TaskFailed) as failed:
        replace(own, upload_options="--new-option").run(Task("ANY", "true"))
    assert failed.value.job["container"]["exitCode"] == 252


def test_the_bucket_takes_no_acl(own: Head, stack: EngineStack) -> None:
    with pytest.raises(TaskFailed) as failed:
        replace(own, upload_options=ACL_OPTION).run(Task("ANY", "true"))
    assert failed.value.job["container"]["exitCode"] == 1
    assert any("s3:PutObjectAcl" in line for line in own.log(failed.value.job, stack.outputs["log_group"]))
