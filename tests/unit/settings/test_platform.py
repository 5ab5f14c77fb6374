"""The settings of machines, tools and shares are taken or refused in words."""

import gzip
import json
from pathlib import Path

import moto
import pulumi
import pytest

from settings import TOOLS, Settings, ToolSettings, instance_architecture, parse

REGION = {"aws:region": "eu-west-1"}

INSTANCE_TYPES = json.loads(
    gzip.decompress((Path(moto.__file__).parent / "ec2/resources/instance_types.json.gz").read_bytes())
)


def settings(**config: str) -> Settings:
    return parse({**REGION, **{f"biobatch:{key}": value for key, value in config.items()}})


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("scratchGiB", "29", "29 is outside 30 to 16384"),
        ("scratchGiB", "16385", "16385 is outside 30 to 16384"),
        ("amiId", "ami-1", "no machine image"),
        ("amiId", "al2023", "no machine image"),
        ("imageDate", "today", "not a day of the form YYYY-MM-DD"),
        ("imageDate", "2026-02-30", "not a day of the form YYYY-MM-DD"),
        ("imageDate", "20261129", "not a day of the form YYYY-MM-DD"),
        ("imageDate", "2026-11-29T00:00", "not a day of the form YYYY-MM-DD"),
        ("tools", "[]", "not a mapping of tools"),
        ("tools", '{"STAR": {}}', "no tool name"),
        ("tools", '{"base": {}}', "no tool name"),
        ("tools", '{"star": {}}', "there is no images/star/Dockerfile"),
        ("tools", '{"bwa": 4}', "4 is not a mapping of vcpus, memoryMib, timeoutSeconds, buildArgs"),
        ("tools", '{"bwa": {"memory": 1}}', "bwa.memory: there is no such figure"),
        ("tools", '{"bwa": {"vcpus": 0}}', "0 is not a whole number of 1 or more"),
        ("tools", '{"bwa": {"vcpus": true}}', "true is not a whole number"),
        ("tools", '{"bwa": {"vcpus": 1.5}}', "1.5 is not a whole number"),
        ("tools", '{"bwa": {"timeoutSeconds": 59}}', "59 is not a whole number of 60 or more"),
        ("tools", '{"bwa": {"buildArgs": {"BWA_VERSION": 1}}}', "not a mapping of build arguments to texts"),
        ("tools", '{"bwa": {"buildArgs": {"BASE": "debian"}}}', "BASE is set by Biobatch"),
        ("tools", '{"bwa": {"buildArgs": {"": "1"}}}', "bwa.buildArgs: '' is no build argument's name"),
        ("tools", '{"bwa": {"buildArgs": {"A B": "1"}}}', "'A B' is no build argument's name"),
        ("tools", '{"bwa": {"buildArgs": {"2BIT": "1"}}}', "no digit first"),
        ("tools", '{"bwa": {"buildArgs": {"A\\u0000": "1"}}}', "'A\\x00' is no build argument's name"),
        (
            "tools",
            '{"bwa": {"buildArgs": {"A": "\\u0000"}}}',
            "bwa.buildArgs: the text '\\x00' of 'A' is not printable",
        ),
        ("tools", '{"bwa": {"buildArgs": {"A": "1\\n2"}}}', "or of more than one line"),
        ("tools", '{"bwa": {"buildArgs": {"A": "\\ud800"}}}', r"holds '\ud800', half a character"),
        ("tools", '{"bwa": {"\\udfff": 1}}', r"holds '\udfff', half a character"),
        ("shares", "[]", "not a mapping of shares"),
        ("shares", '{"a-b": 1}', "'a-b' is no share"),
        ("shares", '{"yeast*": 1, "yeastA": 2}', "'yeast*' overlaps with 'yeastA'"),
        ("shares", '{"": 1}', "'' is no share"),
        ("shares", '{"*": 1}', "'*' is no share: 1 to 254 letters and digits, then *"),
        ("shares", '{"*": 1, "a": 2}', "'*' overlaps with 'a'"),
        ("shares", '{"*": 1, "a": 2}', "One that is not named has the weight 1."),
        ("shares", '{"a": 0}', "the weight 0 is not a number from 0.0001 to 999.9999"),
        ("shares", '{"a": "1"}', 'the weight "1" is not a number'),
        ("instanceTypes", '["mac2.metal"]', "Batch runs no Macs"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_the_command_that_mends_it(key: str, value: str, words: str) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        settings(**{key: value})
    assert f"- {key}: " in str(caught.value)
    assert words in str(caught.value)
    assert "pulumi config " in str(caught.value)


def test_other_figures_for_a_tool_of_ours_leave_its_others() -> None:
    tools = settings(tools='{"bwa": {"memoryMib": 15000, "buildArgs": {"BWA_VERSION": "0.7.19"}}}').tools
    assert tools["bwa"] == ToolSettings(
        vcpus=4, memory_mib=15000, build_args={"BWA_VERSION": "0.7.19"}, base="samtools"
    )
    assert {name: tool for name, tool in tools.items() if name != "bwa"} == {
        name: tool for name, tool in TOOLS.items() if name != "bwa"
    }


def test_a_tool_of_the_labs_own_is_a_folder_and_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images/star").mkdir(parents=True)
    (tmp_path / "images/star/Dockerfile").touch()
    monkeypatch.chdir(tmp_path)
    tools = settings(tools='{"star": {"vcpus": 8, "memoryMib": 60000}}').tools
    assert tools == {**TOOLS, "star": ToolSettings(vcpus=8, memory_mib=60000)}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"maxVcpus": "2"}, ["maxVcpus: 2 is less than tools.bwa.vcpus, 4", "set --path tools.bwa.vcpus 2"]),
        (
            {"tools": '{"bwa": {"vcpus": 1000}}'},
            ["256 is less than tools.bwa.vcpus, 1000", "config set maxVcpus 1000,"],
        ),
        (
            {"maxVcpus": "3", "tools": '{"samtools": {"vcpus": 8}}'},
            ["tools.bwa.vcpus, 4", "tools.samtools.vcpus, 8", "config set maxVcpus 8,", "tools.samtools.vcpus 3"],
        ),
    ],
)
def test_a_tool_that_is_larger_than_an_environment_may_grow_is_refused_with_either_edit(
    config: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        settings(**config)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_tool_may_be_as_large_as_an_environment_may_grow() -> None:
    assert settings(maxVcpus="2", tools='{"bwa": {"vcpus": 2}}').tools["bwa"].vcpus == 2


def test_shares_are_weights_by_name() -> None:
    assert settings(shares='{"phages": 1, "yeast*": 0.5}').shares == {"phages": 1.0, "yeast*": 0.5}


def accepted(name: str, architecture: str) -> bool:
    try:
        return settings(architecture=architecture, instanceTypes=json.dumps([name])).instance_types == (name,)
    except pulumi.RunError:
        return False


def test_every_type_is_accepted_under_its_architecture_alone_but_the_first_graviton_and_macs() -> None:
    assert len(INSTANCE_TYPES) > 1_000
    for name, described in INSTANCE_TYPES.items():
        supported = set(described["ProcessorInfo"]["SupportedArchitectures"])
        fit = set() if name.startswith(("a1.", "mac")) else supported & {"x86_64", "arm64"}
        assert {architecture for architecture in ("x86_64", "arm64") if accepted(name, architecture)} == fit, name


def test_the_rule_that_reads_a_types_name_agrees_with_ec2() -> None:
    for name, described in INSTANCE_TYPES.items():
        if not name.startswith("mac"):
            assert instance_architecture(name) in described["ProcessorInfo"]["SupportedArchitectures"], name


@pytest.mark.parametrize("value", ["2026-11-29", "2026-11-29 00:00:00 +0000 UTC"])
def test_a_day_counts_with_quotes_in_the_stacks_file_and_without(value: str) -> None:
    assert settings(imageDate=value).image_date == "2026-11-29"
