"""With the environment of the local stack, tools use the local stack only."""

import os

from local.record import Record
from local.stack import environment

RECORD = Record(aws_port=4600, registry_port=4601, docker_host="unix:///run/a b/docker.sock", own_engine=True)

REAL = {
    "AWS_PROFILE": "work",
    "AWS_SESSION_TOKEN": "token",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.amazonaws.com",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_ROLE_ARN": "arn:aws:iam::999999999999:role/admin",
    "PULUMI_ACCESS_TOKEN": "pul-1",
    "PULUMI_CONFIG_PASSPHRASE_FILE": "/home/someone/passphrase",
    "BIOBATCH_OUTPUTS": "/home/someone/outputs.json",
}


def test_no_variable_of_a_real_account_remains() -> None:
    complete = environment.complete(RECORD, {"HOME": "/home/me", "PATH": "/usr/bin", **REAL})
    assert not {value for value in REAL.values() if value != "true"} & set(complete.values())
    assert not {name for name in REAL if name != "AWS_ACCESS_KEY_ID"} & set(complete)
    assert complete["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4600"
    assert complete["HOME"] == "/home/me"


def test_our_tools_come_first_on_path_and_only_once() -> None:
    once = environment.variables(RECORD, {"PATH": "/usr/bin"})
    twice = environment.variables(RECORD, once)
    assert once["PATH"] == twice["PATH"]
    assert once["PATH"].split(os.pathsep)[-1] == "/usr/bin"
    assert once["PATH"].split(os.pathsep)[0].endswith(".local/bin")


def test_no_proxy_is_used_for_the_local_stack() -> None:
    assert environment.variables(RECORD, {"NO_PROXY": "intranet"})["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_the_environment_is_restored_afterwards() -> None:
    before = dict(os.environ)
    with environment.entered(RECORD):
        assert os.environ["AWS_ACCESS_KEY_ID"] == "local"
    assert dict(os.environ) == before
