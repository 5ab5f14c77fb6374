"""Every resource type lives a whole life in moto's AWS: made, read, deleted, gone."""

import pytest

from local.plugins.aws.provider import TYPES
from tests.unit.plugins.engine import Engine
from tests.unit.plugins.samples import SAMPLES, World


def test_every_type_has_a_sample() -> None:
    assert SAMPLES.keys() == TYPES.keys()


@pytest.mark.parametrize("token", SAMPLES)
def test_what_was_made_reads_back_without_a_difference_and_is_gone_once_deleted(engine: Engine, token: str) -> None:
    sample = SAMPLES[token](World(engine.create))
    made = engine.create(token, "sample", sample)
    assert made.id
    assert not engine.diff(made, sample).detailedDiff

    read = engine.read(made)
    assert read == made
    assert not engine.diff(read, sample).detailedDiff

    engine.delete(made)
    # A bucket's versioning can be suspended, but not taken away.
    assert token == "aws:s3/bucketVersioning:BucketVersioning" or engine.read(made) is None
    engine.delete(made)


def test_an_interface_endpoint_reads_back_without_a_difference(engine: Engine) -> None:
    world = World(engine.create)
    sample = {
        "vpcId": world.vpc,
        "serviceName": "com.amazonaws.us-east-1.logs",
        "vpcEndpointType": "Interface",
        "subnetIds": [world.subnet],
        "securityGroupIds": [world.group],
        "privateDnsEnabled": True,
        "tags": {"Name": "biobatch-logs"},
    }
    made = engine.create("aws:ec2/vpcEndpoint:VpcEndpoint", "logs", sample)
    read = engine.read(made)
    assert read == made
    assert not engine.diff(made, sample).detailedDiff
    engine.delete(made)
    assert engine.read(made) is None
