"""The settings for instances, tools and shares."""

import gzip
import json
from pathlib import Path

import moto
import pytest
from botocore.session import Session

from components.architectures import instance_architecture
from components.limits import PARTITIONS, partition_of
from settings import TOOLS, Refused, Settings, ToolSettings, parse

REGION = {"aws:region": "eu-west-1"}

INSTANCE_TYPES = json.loads(
    gzip.decompress((Path(moto.__file__).parent / "ec2/resources/instance_types.json.gz").read_bytes())
)


def settings(**config: str) -> Settings:
    return parse({**REGION, **{f"biobatch:{key}": value for key, value in config.items()}})


def test_overriding_a_setting_of_a_built_in_tool_keeps_its_other_settings() -> None:
    tools = settings(tools='{"bwa": {"memoryMib": 15000, "buildArgs": {"BWA_VERSION": "0.7.19"}}}').tools
    assert tools["bwa"] == ToolSettings(
        vcpus=4, memory_mib=15000, build_args={"BWA_VERSION": "0.7.19"}, base="samtools"
    )
    assert {name: tool for name, tool in tools.items() if name != "bwa"} == {
        name: tool for name, tool in TOOLS.items() if name != "bwa"
    }


def test_a_new_tool_needs_a_folder_and_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images/star").mkdir(parents=True)
    (tmp_path / "images/star/Dockerfile").touch()
    monkeypatch.chdir(tmp_path)
    tools = settings(tools='{"star": {"vcpus": 8, "memoryMib": 60000}}').tools
    assert tools == {**TOOLS, "star": ToolSettings(vcpus=8, memory_mib=60000)}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"maxVcpus": "2"}, ["maxVcpus: 2 is less than tools.bwa.vcpus, which is 4", "set --path tools.bwa.vcpus 2"]),
        (
            {"tools": '{"bwa": {"vcpus": 1000}}'},
            ["256 is less than tools.bwa.vcpus, which is 1000", "config set maxVcpus 1000,"],
        ),
        (
            {"maxVcpus": "3", "tools": '{"samtools": {"vcpus": 8}}'},
            [
                "tools.bwa.vcpus, which is 4",
                "tools.samtools.vcpus, which is 8",
                "config set maxVcpus 8,",
                "tools.samtools.vcpus 3",
            ],
        ),
    ],
)
def test_the_error_for_a_tool_larger_than_max_vcpus_contains_two_remedies(
    config: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(Refused) as caught:
        settings(**config)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_tool_can_be_as_large_as_max_vcpus() -> None:
    assert settings(maxVcpus="2", tools='{"bwa": {"vcpus": 2}}').tools["bwa"].vcpus == 2


def test_shares_are_weights_by_name() -> None:
    assert settings(shares='{"phages": 1, "yeast*": 0.5}').shares == {"phages": 1.0, "yeast*": 0.5}


def accepted(name: str, architecture: str) -> bool:
    try:
        return settings(architecture=architecture, instanceTypes=json.dumps([name])).instance_types == (name,)
    except Refused:
        return False


#: The keys in EC2's description of a type with an accelerator.
ACCELERATORS = ("GpuInfo", "InferenceAcceleratorInfo", "NeuronInfo", "FpgaInfo", "MediaAcceleratorInfo")


def refused_by_family(name: str) -> bool:
    # Moto's copy of EC2's answers omits the chips of trn2u.
    accelerated = any(kind in INSTANCE_TYPES[name] for kind in ACCELERATORS) or name.startswith("trn2u.")
    return accelerated or name.startswith(("a1.", "mac"))


def test_every_type_except_a1_mac_and_accelerators_is_accepted_with_its_architecture_only() -> None:
    assert len(INSTANCE_TYPES) > 1_000
    for name, described in INSTANCE_TYPES.items():
        supported = set(described["ProcessorInfo"]["SupportedArchitectures"])
        fit = set() if refused_by_family(name) else supported & {"x86_64", "arm64"}
        assert {architecture for architecture in ("x86_64", "arm64") if accepted(name, architecture)} == fit, name


@pytest.mark.parametrize(
    "family", ["g3", "g4dn", "g5", "g6e", "gr6", "p2", "p5en", "p6-b200", "inf1", "inf2", "trn1n", "trn2", "dl1", "f1"]
)
def test_the_error_for_a_family_with_an_accelerator_contains_the_reason(family: str) -> None:
    with pytest.raises(
        Refused, match=r"the machine image, ECS_AL2023, has no driver for it, and the job definitions do not request it"
    ):
        settings(instanceTypes=json.dumps([family]))


@pytest.mark.parametrize("region", ["eusc-de-east-1", "cn-north-1", "us-gov-west-1", "ap-southeast-7"])
def test_regions_zones_and_arns_of_every_partition_are_accepted(region: str) -> None:
    partition = next(name for name in Session().get_available_partitions() if region in regions(name))
    key, boundary = f"arn:{partition}:kms:{region}:111122223333:key/1", f"arn:{partition}:iam::111122223333:policy/x"
    config = {"kmsKeyArn": key, "permissionsBoundaryArn": boundary, "availabilityZones": json.dumps([f"{region}a"])}
    accepted = parse({"aws:region": region, **{f"biobatch:{k}": v for k, v in config.items()}})
    assert (accepted.kms_key_arn, accepted.permissions_boundary_arn) == (key, boundary)
    assert partition_of(region) == partition


def regions(partition: str) -> list[str]:
    found: list[str] = Session().get_available_regions("ec2", partition)
    return found


def test_every_region_of_botocore_is_accepted_and_has_its_partition() -> None:
    for partition in PARTITIONS:
        for region in regions(partition):
            assert (parse({"aws:region": region}).region, partition_of(region)) == (region, partition)


def test_the_architecture_in_a_types_name_agrees_with_ec2() -> None:
    for name, described in INSTANCE_TYPES.items():
        if not name.startswith("mac"):
            assert instance_architecture(name) in described["ProcessorInfo"]["SupportedArchitectures"], name


@pytest.mark.parametrize("value", ["2026-11-29", "2026-11-29 00:00:00 +0000 UTC"])
def test_a_date_can_have_quotes_in_the_stacks_file(value: str) -> None:
    assert settings(imageDate=value).image_date == "2026-11-29"
