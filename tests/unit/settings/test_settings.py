"""Wrong settings are refused in words, all at once; right ones are taken as they are."""

import json
import string
from dataclasses import asdict

import pulumi
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from settings import KEYS, TOOLS, Settings, instance_architecture, parse
from tests.unit.recording import ROOT

REGION = {"aws:region": "eu-west-1"}


def refusal(**config: str) -> str:
    with pytest.raises(pulumi.RunError) as caught:
        parse({**REGION, **{f"biobatch:{key}": value for key, value in config.items()}})
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("azCount", "0", "0 is outside 1 to 6"),
        ("azCount", "7", "7 is outside 1 to 6"),
        ("azCount", "two", "'two' is not a whole number"),
        ("azCount", "true", "'true' is not a whole number"),
        ("maxVcpus", "-1", "-1 is outside 1 to"),
        ("vpcCidr", "10.0.0.0/23", "not of size /16 to /22"),
        ("vpcCidr", "10.0.0.1/16", "has host bits set"),
        ("vpcCidr", "8.8.0.0/16", "not inside 10.0.0.0/8"),
        ("vpcCidr", "fd00::/20", "not of size /16 to /22"),
        (
            "vpcCidr",
            "10.0.0.0/255.255.0.0",
            "not an address and a length. Set it: pulumi config set vpcCidr 10.0.0.0/16",
        ),
        ("vpcCidr", "10.1.0.0/0.0.15.255", "pulumi config set vpcCidr 10.1.0.0/20"),
        ("instanceTypes", "m6i", "not a list"),
        ("instanceTypes", '["m6i.large!"]', "neither an instance type"),
        ("instanceTypes", '["m6i", "m6i"]', "named twice"),
        ("instanceTypes", '["a1.large"]', "first Graviton"),
        ("instanceTypes", '["m7g"]', "architecture is x86_64"),
        ("architecture", "arm", "none of x86_64, arm64"),
        ("natGateways", "none", "none needs interfaceEndpoints, which is false"),
        ("natGateways", "two", "none of single, one-per-az, none"),
        ("interfaceEndpoints", "1", "neither true nor false"),
        ("permissionsBoundaryArn", "boundary", "not the ARN of a managed policy"),
        ("permissionsBoundaryArn", "arn:aws:iam::1:policy/boundary", "not the ARN of a managed policy"),
        ("permissionsBoundaryArn", "arn:aws:iam::111122223333:role/x", "not the ARN of a managed policy"),
        ("permissionsBoundaryArn", "arn:aws:iam::111122223333:policy/biobatch-x", "deploy_policy could change it"),
        ("permissionsBoundaryArn", "arn:aws-cn:iam::111122223333:policy/x", "arn:aws:iam::, as one for aws:region"),
        ("availabilityZones", "eu-west-1a", "not a list of availability zones"),
        ("availabilityZones", '["a"]', "'a' is no availability zone"),
        ("availabilityZones", '["eu-west-1-lon-1a"]', "is no availability zone"),
        ("availabilityZones", '["eu-west-1a", "eu-west-1a"]', "named twice"),
        ("availabilityZones", '["us-east-1a"]', "us-east-1a is not in aws:region, eu-west-1"),
        ("availabilityZones", json.dumps([f"eu-west-1{z}" for z in "abcdefg"]), "7 are more than 6"),
        ("flowLogs", "all", "neither true nor false"),
        ("vpcId", "10.0.0.0/16", "no VPC's id"),
        ("vpcId", "vpc-0123456789abcdef0", "needs privateSubnetIds"),
        ("privateSubnetIds", "subnet-1", "not a list of subnet's ids"),
        ("privateSubnetIds", '["vpc-0123456789abcdef0"]', "is no subnet's id"),
        ("privateSubnetIds", '["subnet-0123456789abcdef0"]', "vpcId, their network, is not"),
        ("dataBuckets", "genomes", "not a list of buckets"),
        ("dataBuckets", '["genomes"]', "[0]: 'genomes' is not an object"),
        ("dataBuckets", '[{"bucket": "genomes"}]', "there is no bucket; a bucket has name"),
        ("dataBuckets", '[{"access": "read"}]', "[0].name: None is no bucket's name"),
        ("dataBuckets", '[{"name": "s3://genomes"}]', "without s3://"),
        ("dataBuckets", '[{"name": "Genomes"}]', "3 to 63 of a-z"),
        ("dataBuckets", '[{"name": "genomes", "access": "write"}]', "neither read nor read-write"),
        ("dataBuckets", '[{"name": "genomes", "prefix": "human"}]', "does not end with a slash"),
        ("dataBuckets", '[{"name": "genomes", "prefix": "/human/"}]', "or begins with one"),
        ("dataBuckets", '[{"name": "genomes", "prefix": "*/"}]', "mean more than themselves in a policy"),
        ("dataBuckets", '[{"name": "genomes", "prefix": 1}]', "no text of up to 128 characters"),
        ("dataBuckets", '[{"name": "genomes", "kmsKeyArn": "alias/x"}]', "[0].kmsKeyArn: 'alias/x' is not the ARN"),
        ("dataBuckets", '[{"name": "genomes"}, {"name": "genomes"}]', "genomes/ is named twice"),
        ("dataBuckets", json.dumps([{"name": f"genomes{i}"} for i in range(11)]), "11 buckets are more than 10"),
        ("kmsKeyArn", "alias/genomes", "not the ARN of a KMS key"),
        ("kmsKeyArn", "arn:aws:kms:eu-west-1:111122223333:alias/genomes", "an alias is not one"),
        (
            "kmsKeyArn",
            "arn:aws:kms:us-east-1:111122223333:key/1234",
            "not begin with arn:aws:kms:eu-west-1:, as one for",
        ),
        (
            "kmsKeyArn",
            "arn:aws-cn:kms:eu-west-1:111122223333:key/1234",
            "not begin with arn:aws:kms:eu-west-1:, as one",
        ),
        ("spot", "yes", "neither true nor false"),
        ("protectData", "1", "neither true nor false"),
        ("logRetentionDays", "31", "31 is none of"),
        ("tags", '{"aws:x": "y"}', "reserved"),
        ("tags", '{"Project": "a", "project": "b"}', "'Project' is there twice"),
        ("tags", '{"x": "a\\tb"}', "no text"),
        ("instanceTypes", "[" * 100_000, "not"),
        ("dataBuckets", json.dumps([{"name": "genomes", "prefix": "é" * 22 + "/"}]), "no text of up to 128 characters"),
        ("dataBuckets", '[{"\\ud800": 1}]', r"holds '\ud800', half a character"),
        ("tags", '{"x": 1}', "no text"),
        ("tags", "[]", "not a mapping"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_the_command_that_mends_it(key: str, value: str, words: str) -> None:
    message = refusal(**{key: value})
    assert f"- {key}: " in message
    assert words in message
    assert "pulumi config set" in message


NETWORK = {"vpcId": "vpc-0123456789abcdef0", "privateSubnetIds": '["subnet-0123456789abcdef0"]'}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("azCount", "3"),
        ("availabilityZones", '["eu-west-1a"]'),
        ("vpcCidr", "10.1.0.0/16"),
        ("natGateways", "one-per-az"),
        ("interfaceEndpoints", "true"),
        ("flowLogs", "true"),
    ],
)
def test_what_shapes_a_new_network_is_refused_beside_an_existing_one(key: str, value: str) -> None:
    message = refusal(**{**NETWORK, key: value})
    assert (
        f"- {key}: it shapes a new network, but vpcId names an existing one. Remove it: pulumi config rm {key}"
        in message
    )


def test_a_count_that_disagrees_with_the_named_zones_is_refused() -> None:
    message = refusal(azCount="3", availabilityZones='["eu-west-1a"]')
    assert "3 disagrees with availabilityZones, which names 1" in message


def test_what_lies_in_a_region_is_not_put_to_one_that_is_refused() -> None:
    places = {
        "availabilityZones": '["eu-west-1a"]',
        "kmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/1234",
        "permissionsBoundaryArn": "arn:aws-cn:iam::111122223333:policy/x",
    }
    with pytest.raises(pulumi.RunError, match="1 setting is refused"):
        parse({"aws:region": "Ireland", **{f"biobatch:{key}": value for key, value in places.items()}})


def test_the_command_that_mends_a_misplaced_arn_names_one_that_is_taken() -> None:
    for key, value in {
        "permissionsBoundaryArn": "arn:aws:iam::111122223333:policy/x",
        "kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/1234",
    }.items():
        with pytest.raises(pulumi.RunError) as caught:
            parse({"aws:region": "cn-north-1", f"biobatch:{key}": value})
        mended = str(caught.value).rpartition(f"pulumi config set {key} ")[2]
        assert parse({"aws:region": "cn-north-1", f"biobatch:{key}": mended})


def test_x86_types_under_arm64_are_refused() -> None:
    assert "m6i is x86_64, but architecture is arm64" in refusal(architecture="arm64", instanceTypes='["m6i"]')


def test_a_misspelt_key_is_refused_with_the_nearest_known_one_and_without_its_value() -> None:
    message = refusal(azcount="secret")
    assert "did you mean azCount?" in message
    assert "secret" not in message


@pytest.mark.parametrize("key", ["monthlyBudgetUsd", "alertEmail"])
def test_a_key_of_a_later_version_is_refused(key: str) -> None:
    assert f"{key}: there is no such key" in refusal(**{key: "1"})


def test_all_faults_are_told_at_once() -> None:
    message = refusal(azCount="0", maxVcpus="-1", azcount="2")
    assert message.startswith("3 settings are refused; nothing was created.")
    assert len(message.splitlines()) == 4


def test_a_missing_region_is_asked_for() -> None:
    with pytest.raises(pulumi.RunError, match="pulumi config set aws:region"):
        parse({})


def test_pulumi_yaml_declares_the_same_keys_with_the_same_defaults() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert {k: v["default"] for k, v in declared.items()} == {k: v.default for k, v in KEYS.items()}
    assert all(v["description"] and v["default"] is not None for v in declared.values())


def test_the_declared_defaults_are_accepted() -> None:
    texts = {
        f"biobatch:{k}": v.default if isinstance(v.default, str) else json.dumps(v.default) for k, v in KEYS.items()
    }
    assert parse({**REGION, **texts}) == parse(REGION)


@pytest.mark.parametrize(
    ("name", "architecture"),
    [("m6i", "x86_64"), ("g5.xlarge", "x86_64"), ("c7gn.large", "arm64"), ("p6e-gb200", "arm64"), ("im4gn", "arm64")],
)
def test_the_architecture_is_read_from_the_types_name(name: str, architecture: str) -> None:
    assert instance_architecture(name) == architecture


# A fixed alphabet: over all of Unicode, Hypothesis builds a table at its first draw that alone takes more than a second.
TEXT = st.text(string.printable + "\0é€²٣\u2028\U0001f9ec", max_size=12)
# What no file, message or call can hold: half of a character, which JSON can escape and Python then has.
HALF = st.sampled_from(["\ud800", "a\udfffb"])
NAME = st.sampled_from(["A", "b_1"]) | TEXT | HALF
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | HALF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | HALF, inner, max_size=3),
    max_leaves=6,
)


# Values of the right form for some key, so that the checks of one key against another are reached too.
FITTING = st.sampled_from(
    [
        *("none", "true", "3", "arm64", '["m7g"]', '["eu-west-1a"]', '["us-east-1a"]', "vpc-0123456789abcdef0"),
        *('["subnet-0123456789abcdef0"]', "arn:aws-cn:iam::111122223333:policy/x"),
        "arn:aws:kms:us-east-1:111122223333:key/1234",
    ]
)
BUCKETS = st.lists(
    st.dictionaries(st.sampled_from(["name", "access", "prefix", "kmsKeyArn", "other"]), JSON_VALUES), max_size=2
)
# Right but for the names and texts in it, which values of any form would come to by a rare chance alone.
SHAPED = {
    "tools": st.dictionaries(
        st.sampled_from([*TOOLS]),
        st.fixed_dictionaries({"buildArgs": st.dictionaries(NAME, NAME, min_size=1, max_size=2)}),
        min_size=1,
        max_size=2,
    ),
    "dataBuckets": st.lists(
        st.fixed_dictionaries({"name": st.just("genomes"), "prefix": NAME.map("{}/".format)}), max_size=2
    ),
    "shares": st.dictionaries(NAME | st.sampled_from(["*", "a*"]), st.floats() | st.just(1), max_size=3),
    "tags": st.dictionaries(NAME, NAME, max_size=3),
}
VALUES = TEXT | FITTING | (JSON_VALUES | BUCKETS).map(json.dumps)
REGIONS = st.sampled_from(["eu-west-1", "us-gov-west-1", "cn-north-1", ""]) | TEXT | HALF


def taken(config: dict[str, str], region: str) -> Settings | None:
    """The settings, or None if they are refused; either can be written in every character."""
    settings = None
    try:
        settings = parse({"aws:region": region, **{f"biobatch:{key}": value for key, value in config.items()}})
        written = json.dumps(asdict(settings), ensure_ascii=False)
    except pulumi.RunError as refused:
        written = str(refused)
    assert written.encode()
    return settings


@given(st.dictionaries(st.sampled_from([*KEYS, "other"]), VALUES, max_size=6), REGIONS)
def test_no_input_leads_to_anything_but_settings_or_a_refusal(config: dict[str, str], region: str) -> None:
    taken(config, region)


@pytest.mark.parametrize("key", SHAPED)
@given(st.data())
def test_neither_do_names_and_texts_in_what_is_right_otherwise(key: str, data: st.DataObject) -> None:
    settings = taken({key: json.dumps(data.draw(SHAPED[key]))}, "eu-west-1")
    for tool in settings.tools.values() if settings else []:
        assert all(name.isascii() and name.isidentifier() for name in tool.build_args)
        assert not set("".join(tool.build_args.values())) & {"\0", "\r", "\n"}
