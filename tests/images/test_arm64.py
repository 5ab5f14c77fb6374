"""Builds the images for arm64 as `pulumi up` does, and runs them on this machine, with emulation if necessary."""

import dataclasses
from collections.abc import Iterator

import pytest

from local.paths import ROOT
from local.plugins.docker.builder import Builder
from local.stack import base_image, emulator
from settings import TOOLS
from tests.images.containers import Images
from tests.images.storage import PUBLISHED, Folder

PLATFORM = "linux/arm64"


@pytest.fixture(scope="module")
def arm64(images: Images) -> Iterator[Images]:
    """The images for arm64, on a base image for arm64. Docker keeps their layers, so only the first build takes minutes."""
    emulator.register(images.engine, PLATFORM)
    builder = Builder()
    names = {tool: f"biobatch-cache/{tool}-arm64:latest" for tool in ("base", *TOOLS)}
    args = {tool: {"BASE": names[figures.base or "base"]} for tool, figures in TOOLS.items()}
    try:
        for tool in names:
            context = str(ROOT / "images" / tool)
            build = {
                "context": context,
                "dockerfile": f"{context}/Dockerfile",
                "platform": PLATFORM,
                "args": args.get(tool, {}),
            }
            builder.build(names[tool], build, {}, lambda line: None)
        yield dataclasses.replace(images, uris=names)
    finally:
        # An engine holds one base image at a time. Other tests need the one for this machine's architecture.
        base_image.obtain(images.engine)


@pytest.mark.parametrize(
    ("tool", "command", "line"),
    [
        ("fastqc", "fastqc --version", "FastQC v0.12.1"),
        ("samtools", "samtools --version", "samtools 1.21"),
        ("bwa", "bwa 2>&1 | grep Version | cut -d - -f 1", "Version: 0.7.18"),
        ("bcftools", "bcftools --version", "bcftools 1.21"),
    ],
)
def test_the_arm64_image_runs_with_the_pinned_version_of_the_tool(
    arm64: Images, tool: str, command: str, line: str
) -> None:
    image = arm64.engine.images.get(arm64.uris[tool])
    assert image.attrs["Architecture"] == "arm64"
    lines = arm64.run(tool, f"uname -m; dpkg --print-architecture; {command}").log.splitlines()
    assert lines[:3] == ["aarch64", "arm64", line]


def test_job_and_the_tool_are_arm64_programs(arm64: Images) -> None:
    # Bytes 18 and 19 of an ELF file contain its architecture. 183 is AArch64.
    script = "for file in /usr/local/bin/job /usr/bin/samtools; do head -c 20 $file | tail -c 2 | od -An -tu2; done"
    assert arm64.run("samtools", script).log.split()[:2] == ["183", "183"]


def test_a_job_stages_runs_and_publishes_on_arm64(arm64: Images, folder: Folder) -> None:
    job = arm64.run(
        "samtools",
        "samtools faidx genome.fa",
        environment={
            "JOB_INPUTS": folder.put("genome.fa", b">g\nACGTACGT\n"),
            "JOB_OUTPUTS": "genome.fa.fai",
            "JOB_OUTPUT_PREFIX": folder.uri("out"),
        },
    )
    assert job.exit_code == 0, job.log
    assert folder.get("out/genome.fa.fai") == b"g\t8\t3\t8\t9\n"
    assert folder.names("out/") == {"genome.fa.fai", *PUBLISHED}
