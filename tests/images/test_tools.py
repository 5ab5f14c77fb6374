"""Each image contains the tool in the version of its label, and no leftovers of the build."""

import hashlib
import io
import re
import zipfile

import pytest
from docker.errors import BuildError
from packaging.licenses import canonicalize_license_expression

import biobatch
from benchmarks import fastqc_report
from local.paths import ROOT
from local.plugins.docker.builder import Builder
from local.stack import base_image
from tests.images.containers import Images
from tests.images.storage import PUBLISHED, Folder

VERSIONS = {"fastqc": "0.12.1", "bwa": "0.7.18", "samtools": "1.21", "bcftools": "1.21"}
TOOLS = sorted(VERSIONS)


def test_every_tool_has_an_image(images: Images) -> None:
    assert sorted(images.uris) == TOOLS


@pytest.mark.parametrize(
    ("tool", "command", "line"),
    [
        ("fastqc", "fastqc --version", "FastQC v0.12.1"),
        ("bwa", "bwa 2>&1 | grep Version | cut -d - -f 1", "Version: 0.7.18"),
        ("bwa", "samtools --version", "samtools 1.21"),
        ("bwa", "minimap2 --version | cut -d - -f 1", "2.27"),
        ("samtools", "samtools --version", "samtools 1.21"),
        ("bcftools", "bcftools --version", "bcftools 1.21"),
    ],
)
def test_the_tool_has_the_pinned_version(images: Images, tool: str, command: str, line: str) -> None:
    assert line in images.run(tool, command).log.splitlines()


@pytest.mark.parametrize("tool", TOOLS)
def test_the_image_has_labels_and_runs_as_the_jobs_user(images: Images, tool: str) -> None:
    image = images.engine.images.get(images.uris[tool])
    labels = image.labels
    assert labels["org.opencontainers.image.title"].lower() == tool
    assert labels["org.opencontainers.image.version"] == VERSIONS[tool]
    assert labels["org.opencontainers.image.source"].startswith("https://github.com/")
    licences = labels["org.opencontainers.image.licenses"]
    assert canonicalize_license_expression(licences) == licences  # This raises an error if SPDX has no such license.
    assert image.attrs["Config"]["User"] == "10001:10001"
    assert image.attrs["Config"]["Entrypoint"] == ["/usr/local/bin/job"]
    assert "uid=10001(biobatch) gid=10001(biobatch)" in images.run(tool, "id").log


@pytest.mark.parametrize("tool", TOOLS)
def test_the_image_contains_no_leftovers_of_the_build(images: Images, tool: str) -> None:
    script = (
        "find $HOME /tmp /var/tmp /scratch /build /var/lib/apt/lists /var/cache/apt /var/log/apt /var/log/dpkg.log -type f "
        '2> /dev/null | grep -vxE "$HOME/\\.(bashrc|profile)"; find / -xdev -name ".*_history"; command -v go gcc javac'
    )
    looked = images.run(tool, "-c", script, entrypoint="/bin/bash", user="0")
    assert looked.log == ""


#: FastQC's modules, each with its graph if it draws one.
MODULES = {
    "Basic Statistics": None,
    "Per base sequence quality": "per_base_quality",
    "Per tile sequence quality": "per_tile_quality",
    "Per sequence quality scores": "per_sequence_quality",
    "Per base sequence content": "per_base_sequence_content",
    "Per sequence GC content": "per_sequence_gc_content",
    "Per base N content": "per_base_n_content",
    "Sequence Length Distribution": "sequence_length_distribution",
    "Sequence Duplication Levels": "duplication_levels",
    "Overrepresented sequences": None,
    "Adapter Content": "adapter_content",
    "Kmer Content": "kmer_profiles",
}


def test_fastqc_reports_the_same_bytes_as_the_plain_package_and_draws_every_graph(
    images: Images, folder: Folder
) -> None:
    job = images.run(
        "fastqc",
        f"{fastqc_report.LIMITS}; fastqc --quiet --limits limits.txt reads.fastq",
        environment={
            "JOB_INPUTS": folder.put("reads.fastq", fastqc_report.reads()),
            "JOB_OUTPUTS": "*_fastqc.html *_fastqc.zip",
            "JOB_OUTPUT_PREFIX": folder.uri("out"),
        },
    )
    assert job.exit_code == 0, job.log
    graphs = {graph for graph in MODULES.values() if graph}
    assert folder.get("out/reads_fastqc.html").count(b'class="indented" src="data:image/png;base64,') == len(graphs)
    with zipfile.ZipFile(io.BytesIO(folder.get("out/reads_fastqc.zip"))) as report:
        data = report.read("reads_fastqc/fastqc_data.txt")
        drawn = {graph: report.read(f"reads_fastqc/Images/{graph}.png") for graph in graphs}
    assert re.findall(r"^>>(?!END_MODULE)([^\t]+)", data.decode(), re.MULTILINE) == list(MODULES)
    assert hashlib.sha256(data).hexdigest() == fastqc_report.PLAIN_DATA, (
        "If FastQC itself has changed, `make bench ONLY=fastqc-report` tells the plain package's data.\n"
        + data.decode()
    )
    # A graph with axes and text has this size. An empty one is smaller.
    assert all(image.startswith(b"\x89PNG") and len(image) > 3000 for image in drawn.values())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("absent.fastq", "'absent.fastq' cannot be read"),
        ("", "no input file given"),
        ("--outdir absent two.fastq", "'absent' is not a writable folder"),
        ("--threads many two.fastq", "'many' is not a whole number"),
        ("--no-such-option two.fastq", "no-such-option"),
    ],
)
def test_the_launcher_of_fastqc_refuses_options_that_its_java_program_would_ignore(
    images: Images, arguments: str, words: str
) -> None:
    job = images.run("fastqc", f"touch two.fastq; fastqc {arguments}")
    assert job.exit_code == 2
    assert words in job.log


@pytest.mark.parametrize(
    ("options", "granted", "heap_mib"),
    [
        ("", "1800m", 1544),
        ("", "600m", 512),
        ("--threads 2", "1800m", 1544),
        ("--memory 700 --threads 2", "1800m", 1400),
    ],
)
def test_javas_heap_follows_the_memory_of_the_container_unless_it_is_given(
    images: Images, options: str, granted: str, heap_mib: int
) -> None:
    shown = (
        f"JDK_JAVA_OPTIONS=-XX:+PrintFlagsFinal fastqc {options} --version | awk '$2 == \"MaxHeapSize\" {{ print $4 }}'"
    )
    assert str(heap_mib * 2**20) in images.run("fastqc", shown, mem_limit=granted).log.splitlines()


def test_the_bwa_image_streams_an_alignment_into_sorting(images: Images, folder: Folder) -> None:
    genome = "ACGTTGCATCGGATTACAGGCATTCGAGCTAATCGCGTATGCCATAGGCTAACCTGATCGATTGCGCAATATCGGCTTAACGGATCTTGCAGTCCATGCAAT"
    reads = "".join(f"@r{i}\n{genome[i : i + 60]}\n+\n{'I' * 60}\n" for i in (30, 10, 20))
    job = images.run(
        "bwa",
        "bwa index g.fa && bwa mem g.fa r.fq | samtools sort -o out.bam - && samtools index out.bam "
        "&& samtools view out.bam | cut -f 1,3,4",
        environment={
            "JOB_INPUTS": f"{folder.put('g.fa', f'>g{chr(10)}{genome}{chr(10)}'.encode())} {folder.put('r.fq', reads.encode())}",
            "JOB_OUTPUTS": "out.bam out.bam.bai",
            "JOB_OUTPUT_PREFIX": folder.uri("out"),
        },
    )
    assert job.exit_code == 0, job.log
    assert "r10\tg\t11\nr20\tg\t21\nr30\tg\t31\n" in job.log
    assert folder.names("out/") == {"out.bam", "out.bam.bai", *PUBLISHED}


def test_the_samtools_and_bwa_images_share_their_layers(images: Images) -> None:
    layers = {tool: images.engine.images.get(images.uris[tool]).attrs["RootFS"]["Layers"] for tool in TOOLS}
    shared = layers["samtools"]
    assert layers["bwa"][: len(shared)] == shared
    assert all(layer in layers["fastqc"] and layer in layers["bcftools"] for layer in shared[:-1])


def test_a_new_date_builds_the_base_with_the_packages_of_that_day(images: Images) -> None:
    """No stack has this date. It is always the same, so that the next test run reuses the layers."""
    context, name = str(ROOT / "images/base"), "biobatch-cache/base-dated:latest"
    Builder().build(
        name,
        {
            "context": context,
            "dockerfile": f"{context}/Dockerfile",
            "platform": base_image.own_platform(),
            "args": {"IMAGE_DATE": "2000-01-01"},
        },
        {},
        lambda line: None,
    )
    dated = images.engine.images.get(name)
    debian, packages, *_ = dated.attrs["RootFS"]["Layers"]
    of_the_stack = images.engine.images.get(images.uris["samtools"]).attrs["RootFS"]["Layers"]
    assert debian == of_the_stack[0]
    assert packages not in of_the_stack
    commands = [step["CreatedBy"] for step in dated.history()]
    assert sum("IMAGE_DATE=2000-01-01" in command and "apt-get upgrade" in command for command in commands) == 1


#: The uncompressed bytes that each image may add to the image below it. The base image is built on Debian, and the tools on the base image.
#: In the image of bcftools, Python takes 35 MB.
BUDGETS = {"base": 75e6, "samtools": 24e6, "bwa": 26e6, "bcftools": 26e6 + 35e6, "fastqc": 105e6}


def sizes(images: Images, tool: str) -> tuple[int, int]:
    """Returns the bytes that the base adds to Debian, and that the tool adds to the base."""
    steps = images.engine.images.get(images.uris[tool]).history()
    (last_of_base,) = [i for i, step in enumerate(steps) if "image.title=biobatch base" in step["CreatedBy"]]
    (first_of_base,) = [
        i
        for i, step in enumerate(steps)
        if "apt-get install -y --no-install-recommends ca-certificates" in step["CreatedBy"]
    ]
    return (
        sum(step["Size"] for step in steps[last_of_base : first_of_base + 1]),
        sum(step["Size"] for step in steps[:last_of_base]),
    )


@pytest.mark.parametrize("tool", TOOLS)
def test_the_size_of_the_image_is_within_its_budget(images: Images, tool: str) -> None:
    base, over_base = sizes(images, tool)
    assert 1e6 < base <= BUDGETS["base"]
    assert 1e6 < over_base <= BUDGETS[tool]


@pytest.mark.parametrize(
    ("tool", "packages"),
    [
        ("fastqc", ["fastqc", "openjdk-21-jre-headless", "libharfbuzz0b", "libcommons-math3-java"]),
        ("bwa", ["bwa", "minimap2", "samtools", "libhts3t64"]),
        ("samtools", ["samtools", "libhts3t64"]),
        ("bcftools", ["bcftools", "libhts3t64"]),
    ],
)
def test_the_image_lists_its_software(images: Images, tool: str, packages: list[str]) -> None:
    lines = images.run(tool, "cat", "/usr/share/biobatch/software.tsv").log.splitlines()
    versions = dict(line.split("\t") for line in lines if not line.startswith("job: "))
    assert versions[tool].startswith(VERSIONS[tool])
    compiled_into_job = {"golang-go", "golang-github-aws-aws-sdk-go-v2-dev"}
    assert {*packages, *compiled_into_job, "ca-certificates", "libc6"} <= {name.partition(":")[0] for name in versions}


def test_every_image_has_biobatchs_version_as_a_label(images: Images) -> None:
    labels = {tool: images.engine.images.get(images.uris[tool]).labels["biobatch.version"] for tool in TOOLS}
    assert labels == dict.fromkeys(TOOLS, biobatch.__version__)


def test_go_mod_requires_the_versions_of_debians_packages(images: Images) -> None:
    """`make unit` and `make check` use go.mod, and the image's build uses Debian's packages."""
    lines = images.run("samtools", "cat", "/usr/share/biobatch/job.tsv").log.splitlines()
    debian = dict(line.split("\t") for line in lines if not line.startswith("job: "))
    required = re.findall(r"^\t(\S+) v(\S+)$", (ROOT / "images/base/job/go.mod").read_text(), re.MULTILINE)
    for module, package in {
        "github.com/aws/aws-sdk-go-v2": "golang-github-aws-aws-sdk-go-v2-dev",
        "github.com/aws/smithy-go": "golang-github-aws-smithy-go-dev",
        "golang.org/x/sync": "golang-golang-x-sync-dev",
    }.items():
        assert dict(required)[module] == debian[package].rpartition("-")[0], module


@pytest.mark.parametrize(
    ("tool", "version"),
    # A version that does not exist, and versions that apt matches as a prefix of an existing one.
    [("bwa", "0.0.1"), ("bwa", "0.7.1"), ("samtools", "1.2"), ("bcftools", "1.2")],
)
def test_a_missing_version_of_a_tool_fails_the_build(images: Images, tool: str, version: str) -> None:
    arguments = {"BASE": images.uris["samtools"], f"{tool.upper()}_VERSION": version}
    with pytest.raises(BuildError, match="apt-get"):
        images.engine.images.build(path=str(ROOT / "images" / tool), buildargs=arguments, rm=True, forcerm=True)


@pytest.mark.parametrize("tool", TOOLS)
def test_only_the_scratch_volume_is_writable(images: Images, tool: str) -> None:
    written = images.run(
        tool, "for f in / /tmp /usr/local/bin /etc /home /var/tmp; do touch $f/x 2> /dev/null && echo $f; done; true"
    )
    assert [line for line in written.log.splitlines() if not line.startswith("job: ")] == []
