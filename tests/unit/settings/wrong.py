"""Wrong configurations, each with the words that its refusal must have, for the tests of messages and of remedies."""

import json
from typing import NamedTuple

VPC = "vpc-0123456789abcdef0"
SUBNET = "subnet-0123456789abcdef0"


class Wrong(NamedTuple):
    """A wrong configuration of a stack in eu-west-1."""

    config: dict[str, str]
    """Values by key of the project, as Pulumi hands them over."""
    place: str
    """Where the fault is."""
    words: str
    """What the refusal says."""


def _one(key: str, *cases: tuple[str, str, str]) -> list[Wrong]:
    return [Wrong({key: value}, key + inner, words) for value, inner, words in cases]


def _tools(tools: object) -> dict[str, str]:
    return {"tools": json.dumps(tools)}


WRONG = [
    *_one(
        "azCount",
        ("0", "", "0 is outside 1 to 6"),
        ("7", "", "7 is outside 1 to 6"),
        ("two", "", "'two' is not a whole number from 1 to 6"),
        ("true", "", "true is not a whole number"),
    ),
    *_one(
        "maxVcpus",
        ("-1", "", "-1 is outside 1 to"),
        ("2", "", "2 is less than tools.bwa.vcpus, 4, so that such a job could never start"),
    ),
    *_one("scratchGiB", ("29", "", "29 is outside 30 to 16384"), ("16385", "", "16385 is outside 30 to 16384")),
    *_one(
        "vpcCidr",
        ("10.0.0.0/23", "", "not an IPv4 range of size /16 to /22"),
        ("10.0.0.1/16", "", "has host bits set). Set it: pulumi config set vpcCidr 10.0.0.0/16"),
        ("8.8.0.0/16", "", "not inside 10.0.0.0/8"),
        ("fd00::/20", "", "not an IPv4 range of size /16 to /22"),
        ("ten", "", "'ten' is not an address range"),
        ("10.0.0.0/255.255.0.0", "", "not an address and a length. Set it: pulumi config set vpcCidr 10.0.0.0/16"),
        ("10.1.0.0/0.0.15.255", "", "pulumi config set vpcCidr 10.1.0.0/20"),
    ),
    *_one(
        "instanceTypes",
        ("m6i", "", "'m6i' is not a list of instance types or families. Set it: pulumi config set --path"),
        ("m6i large", "", "'m6i large' is not a list"),
        ('{"m6i": 1}', "", "is not a list"),
        ('["m6i.large!"]', "[0]", "neither an instance type"),
        (
            '["m6i", "c6i", "m6i large"]',
            "[2]",
            "'m6i large' is neither an instance type (m6i.large) nor a family (m6i)",
        ),
        ('["m6i", "m6i"]', "[1]", "'m6i' is there twice"),
        ('["m6i", "m6i", "x", "m6i", "y"]', "[3]", "'m6i' is there twice"),
        ('["m6i", 6]', "[1]", "6 is neither an instance type"),
        ('["a1.large"]', "[0]", "first Graviton"),
        ('["mac2.metal"]', "[0]", "Batch does not run on Macs"),
        ('["m7g"]', "", "m7g is arm64, but architecture is x86_64"),
        ('["m6i", "m7g", "c7g"]', "[2]", "c7g is arm64, but architecture is x86_64, and a queue takes one"),
        ('["m6i", "g5.xlarge"]', "[1]", "'g5.xlarge' has a GPU, which no job could use"),
        ('["p4d"]', "[0]", "has no driver for it, and no job definition asks for it"),
        ('["inf2"]', "[0]", "a Neuron chip"),
        ("[" * 100_000, "", "is not a list"),
        ("[" * 50 + "]" * 50, "", "is not a list"),
    ),
    Wrong(
        {"architecture": "arm64", "instanceTypes": '["m6i"]'},
        "instanceTypes",
        "m6i is x86_64, but architecture is arm64",
    ),
    *_one("architecture", ("arm", "", "'arm' is none of x86_64, arm64"), ("riscv", "", "none of x86_64, arm64")),
    *_one(
        "natGateways",
        ("none", "", "none needs interfaceEndpoints, which is false"),
        ("two", "", "none of single, one-per-az, none"),
    ),
    *_one("interfaceEndpoints", ("1", "", "1 is neither true nor false")),
    *_one("flowLogs", ("all", "", "'all' is neither true nor false")),
    *_one("spot", ("yes", "", "'yes' is neither true nor false")),
    *_one("protectData", ("1", "", "neither true nor false")),
    *_one(
        "permissionsBoundaryArn",
        ("boundary", "", "'boundary' is not the ARN of a managed policy"),
        ("arn:aws:iam::1:policy/boundary", "", "not the ARN of a managed policy"),
        ("arn:aws:iam::111122223333:role/x", "", "not the ARN of a managed policy"),
        ("arn:aws:iam::111122223333:policy/biobatch-x", "", "whoever may deploy the stack could change it"),
        ("arn:aws-cn:iam::111122223333:policy/x", "", "does not begin with arn:aws:iam::, as one for aws:region"),
        (
            "arn:aws-eusc:iam::111122223333:policy/biobatch-x",
            "",
            "does not begin with arn:aws:iam::, as one for aws:region",
        ),
    ),
    *_one(
        "kmsKeyArn",
        ("alias/genomes", "", "'alias/genomes' is not the ARN of a KMS key"),
        ("arn:aws:kms:eu-west-1:111122223333:alias/genomes", "", "an alias is not one"),
        (
            "arn:aws:kms:us-east-1:111122223333:key/1234",
            "",
            "does not begin with arn:aws:kms:eu-west-1:, as one for aws:region eu-west-1",
        ),
        ("arn:aws-cn:kms:eu-west-1:111122223333:key/1234", "", "does not begin with arn:aws:kms:eu-west-1:, as one"),
    ),
    *_one(
        "availabilityZones",
        ("eu-west-1a", "", "'eu-west-1a' is not a list of availability zones"),
        ('["a"]', "[0]", "'a' is not the name of an availability zone"),
        ('["eu-west-1-lon-1a"]', "[0]", "is not the name of an availability zone"),
        ('["eu-west-1a", "eu-west-1a"]', "[1]", "'eu-west-1a' is there twice"),
        ('["us-east-1a"]', "[0]", "us-east-1a is not in aws:region, eu-west-1"),
        ('["eu-west-1a", "us-east-1a", "us-east-1b"]', "[1]", "us-east-1a is not in aws:region, eu-west-1. Remove it"),
        (json.dumps([f"eu-west-1{z}" for z in "abcdefg"]), "", "7 availability zones are more than 6"),
        (json.dumps([f"eu-west-1{z}" for z in "abcdefghi"]), "", "9 availability zones are more than 6"),
    ),
    Wrong(
        {"azCount": "3", "availabilityZones": '["eu-west-1a"]'},
        "azCount",
        "3 disagrees with availabilityZones, which names 1 and decides",
    ),
    *_one(
        "vpcId",
        ("10.0.0.0/16", "", "'10.0.0.0/16' is not the id of a VPC"),
        (VPC, "", "needs privateSubnetIds"),
    ),
    *_one(
        "privateSubnetIds",
        ("subnet-1", "", "not a list of ids of subnets"),
        (json.dumps([VPC]), "[0]", "is not the id of a subnet"),
        (json.dumps([SUBNET]), "", "1 subnet is named, but vpcId, their network, is not"),
        (json.dumps([SUBNET, SUBNET[:-1] + "1"]), "", "2 subnets are named, but vpcId, their network, is not"),
    ),
    *(
        Wrong(
            {"vpcId": VPC, "privateSubnetIds": json.dumps([SUBNET]), key: value},
            key,
            f"it shapes a new network, but vpcId names an existing one. Remove it: pulumi config rm {key}",
        )
        for key, value in {
            "azCount": "3",
            "availabilityZones": '["eu-west-1a"]',
            "vpcCidr": "10.1.0.0/16",
            "natGateways": "one-per-az",
            "interfaceEndpoints": "true",
            "flowLogs": "true",
        }.items()
    ),
    Wrong(
        {"vpcId": VPC, "privateSubnetIds": json.dumps([SUBNET]), "natGateways": "none"},
        "natGateways",
        "it shapes a new network",
    ),
    *_one(
        "dataBuckets",
        ("genomes", "", "'genomes' is not a list of buckets"),
        ('{"name": "genomes"}', "", "is not a list of buckets, each {name, access, prefix, kmsKeyArn}"),
        ('["genomes"]', "[0]", "'genomes' is not an object"),
        ('[{"bucket": "genomes"}]', "[0].bucket", "there is no such field; a bucket has name"),
        ('[{"name": "genomes", "region": "eu", "public": true}]', "[0].region", "there is no such field"),
        ('[{"access": "read"}]', "[0]", "name: '' is not a bucket's name"),
        (
            '[{"name": "s3://genomes"}]',
            "[0].name",
            "without s3://. Set it: pulumi config set --path 'dataBuckets[0].name' genomes",
        ),
        ('[{"name": "Genomes"}]', "[0].name", "3 to 63 of a-z"),
        ('[{"name": "s3://123456/"}]', "[0].name", "--type string 'dataBuckets[0].name' 123456"),
        ('[{"name": "a_b"}, {"name": "ok-bucket"}]', "[0]", "name: 'a_b' is not a bucket's name"),
        ('[{"name": "ok-bucket"}, {"name": 7, "prefix": 8, "access": 9}]', "[1]", "name: 7 is not a bucket's name"),
        ('[{"name": "genomes", "access": "write"}]', "[0].access", "'write' is neither read nor read-write"),
        ('[{"name": "genomes", "prefix": "human"}]', "[0].prefix", "does not end with a slash"),
        ('[{"name": "genomes", "prefix": "/human/"}]', "[0].prefix", "or begins with one"),
        ('[{"name": "genomes", "prefix": "*/"}]', "[0]", "have a meaning of their own in a policy"),
        ('[{"name": "genomes", "prefix": 1}]', "[0]", "1 is not a text of up to 128 characters"),
        ('[{"name": "genomes", "kmsKeyArn": "alias/x"}]', "[0].kmsKeyArn", "'alias/x' is not the ARN"),
        ('[{"name": "genomes"}, {"name": "genomes"}]', "[1]", "genomes/ is there twice"),
        (
            json.dumps([{"name": f"genomes{i}"} for i in range(11)]),
            "",
            "11 buckets are more than 10, the number that always fits the policy of a role",
        ),
        (json.dumps([{"name": "genomes", "prefix": "é" * 22 + "/"}]), "[0]", "not a text of up to 128 characters"),
        ('[{"\\ud800": 1}]', "", r"holds '\ud800', half a character"),
    ),
    *_one("logRetentionDays", ("31", "", "31 is none of"), ("never", "", "'never' is none of")),
    *_one(
        "imageDate",
        ("today", "", "'today' is not a day of the form YYYY-MM-DD"),
        ("2026-02-30", "", "not a day of the form YYYY-MM-DD"),
        ("20261129", "", "not a day of the form YYYY-MM-DD"),
        ("2026-11-29T00:00", "", "not a day of the form YYYY-MM-DD"),
    ),
    *_one("amiId", ("ami-1", "", "not the id of a machine image"), ("al2023", "", "not the id of a machine image")),
    *_one(
        "tags",
        ("[]", "", "[] is not a mapping of tag names to values"),
        ('{"aws:x": "y"}', ".aws:x", "'aws:x' is reserved"),
        ('{"a.b\\"c[": "y", "aws:d e": "f"}', '["aws:d e"]', "reserved"),
        ('{"Project": "a", "project": "b"}', ".project", "'project' is 'Project' again"),
        ('{"x": "a\\tb"}', ".x", "not a text of up to 256"),
        ('{"x": 1}', ".x", "the value 1 is not a text"),
        ('{"x": -1.5, "y": true}', ".y", "the value true is not a text"),
        ('{"x!": 1}', ".x!", "'x!' is not the name of a tag"),
        ('{"": "1"}', '[""]', "'' is not the name of a tag"),
        ('{"x\\\\": "1"}', "['x\\\\']", "is not the name of a tag"),
        (json.dumps({f"t{i}": "" for i in range(41)}), "", "41 tags are more than 40"),
    ),
    *_one(
        "shares",
        ("[]", "", "not a mapping of shares"),
        ('{"a-b": 1}', ".a-b", "'a-b' is not a share"),
        ('{"yeast*": 1, "yeastA": 2}', ".yeast*", "'yeast*' overlaps with 'yeastA'"),
        ('{"": 1}', '[""]', "'' is not a share"),
        ('{"*": 1}', ".*", "'*' is not a share: 1 to 254 letters and digits, then *"),
        ('{"*": 1, "a": 2}', ".*", "'*' overlaps with 'a'"),
        ('{"*": 1, "a": 2}', ".*", "A share that is not named has the weight 1."),
        ('{"a": 0}', ".a", "the weight 0 is not a number from 0.0001 to 999.9999"),
        ('{"a": "1"}', ".a", "the weight '1' is not a number"),
        ('{"a": "0.5"}', ".a", "pulumi config set --path --type float shares.a 0.5"),
        ('{"a-b": "heavy"}', ".a-b", "the weight 'heavy' is not a number"),
    ),
    *_one(
        "tools",
        ("[]", "", "[] is not a mapping of tools"),
        ('{"STAR": {}}', ".STAR", "'STAR' is not a tool's name"),
        ('{"base": {}}', ".base", "'base' is not a tool's name"),
        ('{"no-such": {}}', ".no-such", "there is no images/no-such/Dockerfile"),
        ('{"bwa": 4}', ".bwa", "4 is not a mapping of vcpus, memoryMib, timeoutSeconds, buildArgs"),
        ('{"bwa": {"memory": 1}}', ".bwa.memory", "there is no such figure"),
        ('{"bwa": {"vcpus": 0}}', ".bwa.vcpus", "0 is not a whole number of 1 or more"),
        ('{"bwa": {"vcpus": true}}', ".bwa.vcpus", "true is not a whole number"),
        (
            '{"bwa": {"vcpus": "8"}}',
            ".bwa.vcpus",
            "'8' is not a whole number of 1 or more. Set it: pulumi config rm --path",
        ),
        ('{"bwa": {"vcpus": "many"}}', ".bwa.vcpus", "'many' is not a whole number of 1 or more"),
        ('{"bwa": {"vcpus": 1.5}}', ".bwa.vcpus", "1.5 is not a whole number"),
        ('{"bwa": {"timeoutSeconds": 59}}', ".bwa.timeoutSeconds", "59 is not a whole number of 60 or more"),
        ('{"no-such": {}, "bwa": {"vcpus": 0}}', ".no-such", "there is no images/no-such/Dockerfile"),
        ('{"bwa": {"buildArgs": []}}', ".bwa.buildArgs", "[] is not a mapping of build arguments to texts"),
        (
            '{"bwa": {"buildArgs": {"BWA_VERSION": 1}}}',
            ".bwa.buildArgs.BWA_VERSION",
            "1 is not a text; a number needs quotes",
        ),
        ('{"bwa": {"buildArgs": {"BWA_VERSION": 0.7}}}', ".bwa.buildArgs.BWA_VERSION", "0.7 is not a text"),
        ('{"bwa": {"buildArgs": {"BASE": "debian"}}}', ".bwa.buildArgs.BASE", "BASE is set by Biobatch"),
        ('{"bwa": {"buildArgs": {"": "1"}}}', '.bwa.buildArgs[""]', "'' is not a build argument's name"),
        ('{"bwa": {"buildArgs": {"A B": "1"}}}', '.bwa.buildArgs["A B"]', "'A B' is not a build argument's name"),
        ('{"bwa": {"buildArgs": {"2BIT": "1"}}}', ".bwa.buildArgs.2BIT", "no digit first"),
        (
            '{"bwa": {"buildArgs": {"A\\u0000": "1"}}}',
            r".bwa.buildArgs['A\x00']",
            r"'A\x00' is not a build argument's name",
        ),
        ('{"bwa": {"buildArgs": {"A": "\\u0000"}}}', ".bwa.buildArgs.A", r"the text '\x00' is not printable"),
        ('{"bwa": {"buildArgs": {"A": "1\\n2"}}}', ".bwa.buildArgs.A", "or of more than one line"),
        ('{"bwa": {"buildArgs": {"A": "\\ud800"}}}', "", r"holds '\ud800', half a character"),
        ('{"bwa": {"\\udfff": 1}}', "", r"holds '\udfff', half a character"),
    ),
    Wrong(_tools({"bwa": {"vcpus": 1000}}), "maxVcpus", "256 is less than tools.bwa.vcpus, 1000"),
    Wrong(
        {"maxVcpus": "3", **_tools({"samtools": {"vcpus": 8}})},
        "maxVcpus",
        "3 is less than tools.samtools.vcpus, 8",
    ),
    Wrong({"azcount": "2"}, "azcount", "there is no such key; did you mean azCount?"),
    Wrong({"two words": "2"}, "two words", "pulumi config rm 'biobatch:two words'"),
    Wrong({"monthlyBudgetUsd": "1"}, "monthlyBudgetUsd", "there is no such key"),
    Wrong({"alertEmail": "1"}, "alertEmail", "there is no such key"),
    Wrong({"azCount": "9", "maxVcpus": "-4", "spot": "no"}, "azCount", "9 is outside 1 to 6"),
    # As tests/local/lifecycle has them.
    Wrong({"vpcCidr": "10.0.0.0/24"}, "vpcCidr", "10.0.0.0/24 is not an IPv4 range of size /16 to /22"),
    Wrong({"azCuont": "3"}, "azCuont", "did you mean azCount?"),
]
