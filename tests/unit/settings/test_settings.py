"""Invalid settings are reported all at once. Valid settings are accepted."""

import json
import string
import subprocess
import sys
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.architectures import instance_architecture
from settings import KEYS, TOOLS, Refused, Settings, parse
from tests.unit.recording import ROOT
from tests.unit.settings.wrong import WRONG, Wrong

REGION = {"aws:region": "eu-west-1"}


def refusal(**config: str) -> str:
    with pytest.raises(Refused) as caught:
        parse({**REGION, **{f"biobatch:{key}": value for key, value in config.items()}})
    return str(caught.value)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.place}: {wrong.words}"[:70])
def test_the_error_for_an_invalid_value_names_its_path_and_the_remedy(wrong: Wrong) -> None:
    lines = [line for line in refusal(**wrong.config).splitlines() if line.startswith(f"  - {wrong.place}: ")]
    (line,) = (line for line in lines if wrong.words in line)
    assert "pulumi config " in line or "Pulumi.<stack>.yaml" in line
    assert len(line) < 600


def test_an_invalid_region_causes_no_further_faults() -> None:
    places = {
        "availabilityZones": '["eu-west-1a"]',
        "kmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/1234",
        "permissionsBoundaryArn": "arn:aws-cn:iam::111122223333:policy/x",
    }
    with pytest.raises(Refused, match="1 setting is invalid"):
        parse({"aws:region": "Ireland", **{f"biobatch:{key}": value for key, value in places.items()}})


def test_the_error_for_a_misspelled_key_names_the_nearest_key_and_hides_the_value() -> None:
    message = refusal(azcount="secret")
    assert "Did you mean azCount?" in message
    assert "secret" not in message


def test_all_faults_are_reported_at_once() -> None:
    message = refusal(azCount="0", maxVcpus="-1", azcount="2")
    assert message.startswith("3 settings are invalid. Nothing was created.")
    assert len(message.splitlines()) == 4


def test_a_missing_region_is_reported() -> None:
    with pytest.raises(
        Refused, match=r"aws:region: this setting is required\. Set it: pulumi config set aws:region us-east-1"
    ):
        parse({})


def test_the_declared_defaults_are_accepted() -> None:
    texts = {
        f"biobatch:{k}": v.default if isinstance(v.default, str) else json.dumps(v.default) for k, v in KEYS.items()
    }
    assert parse({**REGION, **texts}) == parse(REGION)


@pytest.mark.parametrize(
    ("name", "architecture"),
    [("m6i", "x86_64"), ("g5.xlarge", "x86_64"), ("c7gn.large", "arm64"), ("p6e-gb200", "arm64"), ("im4gn", "arm64")],
)
def test_the_name_of_an_instance_type_contains_its_architecture(name: str, architecture: str) -> None:
    assert instance_architecture(name) == architecture


# A fixed alphabet. For all of Unicode, Hypothesis builds a table at its first draw, which takes more than a second.
TEXT = st.text(string.printable + "\0é€²٣\u2028\U0001f9ec", max_size=12)
# Half of a surrogate pair. JSON can escape it and Python can read it, but no file, message or call can contain it.
HALF = st.sampled_from(["\ud800", "a\udfffb"])
NAME = st.sampled_from(["A", "b_1"]) | TEXT | HALF
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | HALF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | HALF, inner, max_size=3),
    max_leaves=6,
)


# Values with the right form for some key, so that the tests also reach the checks of one key against another.
FITTING = st.sampled_from(
    [
        "none",
        "true",
        "3",
        "arm64",
        '["m7g"]',
        '["eu-west-1a"]',
        '["us-east-1a"]',
        "vpc-0123456789abcdef0",
        '["subnet-0123456789abcdef0"]',
        "arn:aws-cn:iam::111122223333:policy/x",
        "arn:aws:kms:us-east-1:111122223333:key/1234",
    ]
)
BUCKETS = st.lists(
    st.dictionaries(st.sampled_from(["name", "access", "prefix", "kmsKeyArn", "other"]), JSON_VALUES), max_size=2
)
# Valid values except for the names and strings in them. Random values would rarely have this form.
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
    """The settings, or None if they are refused. Asserts that UTF-8 can encode the settings or the error message."""
    settings = None
    try:
        settings = parse({"aws:region": region, **{f"biobatch:{key}": value for key, value in config.items()}})
        written = json.dumps(asdict(settings), ensure_ascii=False)
    except Refused as refused:
        written = str(refused)
    assert written.encode()
    return settings


@given(st.dictionaries(st.sampled_from([*KEYS, "other"]), VALUES, max_size=6), REGIONS)
def test_every_input_leads_to_settings_or_an_error_message(config: dict[str, str], region: str) -> None:
    taken(config, region)


@pytest.mark.parametrize("key", SHAPED)
@given(st.data())
def test_every_name_or_string_in_valid_values_leads_to_settings_or_an_error_message(
    key: str, data: st.DataObject
) -> None:
    settings = taken({key: json.dumps(data.draw(SHAPED[key]))}, "eu-west-1")
    for tool in settings.tools.values() if settings else []:
        assert all(name.isascii() and name.isidentifier() for name in tool.build_args)
        assert not set("".join(tool.build_args.values())) & {"\0", "\r", "\n"}


@pytest.mark.parametrize(
    "pattern",
    [
        "quay.io/biocontainers/*",
        "docker.io/library/debian:trixie-slim",
        "registry.example.org:5000/lab*",
        "444455556666.dkr.ecr.eu-west-1.amazonaws.com/lab/*:1.*",
        f"ghcr.io/lab/tool@sha256:{'0' * 64}",
    ],
)
def test_patterns_of_images_with_a_registry_and_a_path_are_accepted(pattern: str) -> None:
    config = {**REGION, "biobatch:engineImages": json.dumps([pattern])}
    assert parse(config).engine_images == (pattern,)


def test_importing_the_limits_or_the_settings_imports_no_sdk() -> None:

    script = "import components.limits, settings, sys; print([m for m in sys.modules if m.partition('.')[0].startswith(('pulumi', 'boto'))])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
