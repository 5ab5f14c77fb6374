"""What is in each image: the tool in the version that its label says, and nothing that a build leaves behind."""

import io
import zipfile

import pytest
from docker.errors import BuildError

from local.paths import ROOT
from tests.images.containers import Images
from tests.images.storage import Folder

VERSIONS = {"fastqc": "0.12.1", "bwa": "0.7.18", "samtools": "1.21", "bcftools": "1.21"}
TOOLS = sorted(VERSIONS)

TWO_READS = b"@a\nACGTACGTACGT\n+\nIIIIIIIIIIII\n@b\nACGTTTGTACGT\n+\nIIIIIIIIIIII\n"


def test_these_are_all_the_images(images: Images) -> None:
    assert sorted(images.uris) == TOOLS


@pytest.mark.parametrize(
    ("tool", "command", "line"),
    [
        ("fastqc", "fastqc --version", "FastQC v0.12.1"),
        ("bwa", "bwa 2>&1 | grep Version | cut -d - -f 1", "Version: 0.7.18"),
        ("bwa", "samtools --version", "samtools 1.21"),
        ("samtools", "samtools --version", "samtools 1.21"),
        ("bcftools", "bcftools --version", "bcftools 1.21"),
    ],
)
def test_the_tool_is_of_the_pinned_version(images: Images, tool: str, command: str, line: str) -> None:
    assert line in images.run(tool, command).log.splitlines()


@pytest.mark.parametrize("tool", TOOLS)
def test_the_image_says_what_it_is_and_runs_as_the_jobs_user(images: Images, tool: str) -> None:
    image = images.engine.images.get(images.uris[tool])
    labels = image.labels
    assert labels["org.opencontainers.image.title"].lower() == tool
    assert labels["org.opencontainers.image.version"] == VERSIONS[tool]
    assert labels["org.opencontainers.image.source"].startswith("https://github.com/")
    assert labels["org.opencontainers.image.licenses"]
    assert image.attrs["Config"]["User"] == "10001:10001"
    assert image.attrs["Config"]["Entrypoint"] == ["/usr/local/bin/job"]
    assert "uid=10001(biobatch) gid=10001(biobatch)" in images.run(tool, "id").log


@pytest.mark.parametrize("tool", TOOLS)
def test_a_build_leaves_nothing_behind(images: Images, tool: str) -> None:
    script = (
        "find $HOME /tmp /var/tmp /scratch /build /var/lib/apt/lists /var/cache/apt /var/log/apt /var/log/dpkg.log -type f "
        '2> /dev/null | grep -vxE "$HOME/\\.(bashrc|profile)"; find / -xdev -name ".*_history"; command -v go gcc javac'
    )
    looked = images.run(tool, "-c", script, entrypoint="/bin/bash", user="0")
    assert looked.log == ""


def test_fastqc_draws_its_report(images: Images, folder: Folder) -> None:
    job = images.run(
        "fastqc",
        "fastqc --quiet two.fastq",
        environment={
            "JOB_INPUTS": folder.put("two.fastq", TWO_READS),
            "JOB_OUTPUTS": "*_fastqc.html *_fastqc.zip",
            "JOB_OUTPUT_PREFIX": folder.uri("out"),
        },
    )
    assert job.exit_code == 0, job.log
    assert folder.get("out/two_fastqc.html").count(b"data:image/png;base64,") > 5
    with zipfile.ZipFile(io.BytesIO(folder.get("out/two_fastqc.zip"))) as report:
        assert b"Total Sequences\t2\n" in report.read("two_fastqc/fastqc_data.txt")
        graphs = [name for name in report.namelist() if name.startswith("two_fastqc/Images/")]
        assert len(graphs) > 5
        # A graph of axes and text; a blank one compresses to less.
        assert all(report.read(g).startswith(b"\x89PNG") and len(report.read(g)) > 3000 for g in graphs if "png" in g)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("absent.fastq", "'absent.fastq' cannot be read"),
        ("", "no input file given"),
        ("--outdir absent two.fastq", "'absent' is not a folder"),
        ("--threads many two.fastq", "'many' is not a whole number"),
        ("--no-such-option two.fastq", "no-such-option"),
    ],
)
def test_fastqc_refuses_what_its_java_half_would_pass_over(images: Images, arguments: str, words: str) -> None:
    job = images.run("fastqc", f"touch two.fastq; fastqc {arguments}")
    assert job.exit_code == 2
    assert words in job.log


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
    assert folder.names("out/") == {"out.bam", "out.bam.bai", "manifest.json"}


def test_the_samtools_and_bwa_images_share_their_layers(images: Images) -> None:
    layers = {tool: images.engine.images.get(images.uris[tool]).attrs["RootFS"]["Layers"] for tool in TOOLS}
    shared = layers["samtools"]
    assert layers["bwa"][: len(shared)] == shared
    assert all(layer in layers["fastqc"] and layer in layers["bcftools"] for layer in shared[:-1])


#: Bytes that an image may have over the one it stands on, uncompressed: the shared base over Debian, each tool over the base.
BUDGETS = {"base": 75e6, "samtools": 24e6, "bwa": 26e6, "bcftools": 26e6, "fastqc": 105e6}


def sizes(images: Images, tool: str) -> tuple[int, int]:
    """Bytes that the base has over Debian, and that the tool has over the base."""
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
def test_the_image_keeps_to_its_budget(images: Images, tool: str) -> None:
    base, over_base = sizes(images, tool)
    assert 1e6 < base <= BUDGETS["base"]
    assert 1e6 < over_base <= BUDGETS[tool]


@pytest.mark.parametrize(
    ("tool", "packages"),
    [
        ("fastqc", ["fastqc", "openjdk-21-jre-headless", "libharfbuzz0b", "libcommons-math3-java"]),
        ("bwa", ["bwa", "samtools", "libhts3t64"]),
        ("samtools", ["samtools", "libhts3t64"]),
        ("bcftools", ["bcftools", "libhts3t64"]),
    ],
)
def test_the_image_lists_its_software(images: Images, tool: str, packages: list[str]) -> None:
    lines = images.run(tool, "cat", "/usr/share/biobatch/software.tsv").log.splitlines()
    versions = dict(line.split("\t") for line in lines if not line.startswith("job: "))
    assert versions[tool].startswith(VERSIONS[tool])
    assert {*packages, "ca-certificates", "libc6"} <= {name.partition(":")[0] for name in versions}


def test_a_version_that_is_not_there_fails_the_build(images: Images) -> None:
    arguments = {"BASE": images.uris["samtools"], "BWA_VERSION": "0.0.1"}
    with pytest.raises(BuildError, match="apt-get"):
        images.engine.images.build(path=str(ROOT / "images" / "bwa"), buildargs=arguments, rm=True, forcerm=True)


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_outside_of_the_scratch_volume_can_be_written_to(images: Images, tool: str) -> None:
    written = images.run(
        tool, "for f in / /tmp /usr/local/bin /etc /home /var/tmp; do touch $f/x 2> /dev/null && echo $f; done; true"
    )
    assert [line for line in written.log.splitlines() if not line.startswith("job: ")] == []
