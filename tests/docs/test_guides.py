"""The commands of two guides, run as printed: the preparation of an empty account, and the monthly upkeep of a stack."""

import datetime
import os
import re
from pathlib import Path

import yaml

from local.paths import VENV_BIN
from local.record import Record
from tests.docs import pages

TEXT = pages.text("docs/how-to/prepare-an-account.md")

#: moto has no quotas of EC2 and no default key of volumes, so the AWS CLI only checks these commands and prints a sample answer.
AWS = f"""#!/bin/sh
case "$1 $2" in
"service-quotas "* | "ec2 get-ebs-default-kms-key-id") set -- "$@" --generate-cli-skeleton output ;;
esac
exec {VENV_BIN}/aws "$@"
"""


def test_every_command_of_the_preparation_works_in_an_empty_account(
    empty_account: dict[str, str], tmp_path: Path
) -> None:
    clone = pages.clone(tmp_path)
    (clone / "trust.json").write_text(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)
    shell = {**empty_account, "PATH": f"{tmp_path}:{empty_account['PATH']}", "PULUMI_HOME": str(tmp_path / "pulumi")}
    # Pulumi uses the backend of the guide's login only if this variable is unset.
    del shell["PULUMI_BACKEND_URL"]
    for commands in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL):
        pages.run(commands, clone, shell)


def test_every_command_of_the_monthly_upkeep_works_on_a_stack(local_stack: Record, tmp_path: Path) -> None:
    text = pages.text("docs/how-to/monthly-upkeep.md")
    clone = pages.clone(tmp_path)
    # A preview is enough here. An `up` would build all images. tests/local/lifecycle builds one by name.
    blocks = [
        block.replace("pulumi up", "pulumi preview") for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    ]
    shell = {**os.environ, "PULUMI_SKIP_CONFIRMATIONS": "true"}
    pages.run("pulumi stack select local", clone, shell)
    region, images, x86_64, arm64, status, scan, data, people, replaced = blocks
    assert pages.run(f"{region}echo $AWS_REGION $AWS_DEFAULT_REGION", clone, shell).split() == ["us-east-1"] * 2

    def config(key: str) -> str:
        return str(yaml.safe_load((clone / "Pulumi.local.yaml").read_text())["config"][f"biobatch:{key}"])

    shown = pages.run(images, clone, shell)
    assert config("imageDate") == datetime.date.today().isoformat()
    assert len(re.findall(r"docker:index:Image\s+biobatch-\w+ +update", shown)) == 5, shown
    amis = []
    for block in (x86_64, arm64):
        shown = pages.run(block, clone, shell)
        assert len(re.findall(r"aws:batch:ComputeEnvironment\s+\S+ +update", shown)) == 2, shown
        amis.append(config("amiId"))
    assert len(set(amis)) == 2
    assert all(re.fullmatch(r"ami-[0-9a-f]{17}", ami) for ami in amis)
    assert "biobatch-" in pages.run(status, clone, shell)
    scanned = pages.run(scan, clone, shell)
    assert all(f"biobatch-{tool}" in scanned for tool in ("base", "fastqc", "bwa", "samtools", "bcftools")), scanned
    assert "Total Objects:" in pages.run(data, clone, shell)
    assert "[" in pages.run(people, clone, shell)
    assert re.search(r"docker:index:Image\s+biobatch-bwa +replace", pages.run(replaced, clone, shell))
