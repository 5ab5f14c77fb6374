"""Invalid configurations, each with words that its error message must contain. The tests of messages and of remedies use them."""

import json
from typing import NamedTuple

VPC = "vpc-0123456789abcdef0"
SUBNET = "subnet-0123456789abcdef0"


class Wrong(NamedTuple):
    """An invalid configuration of a stack in eu-west-1."""

    config: dict[str, str]
    """The values by config key, as Pulumi passes them."""
    place: str
    """The path of the invalid value."""
    words: str
    """A part of the error message."""


def _one(key: str, *cases: tuple[str, str, str]) -> list[Wrong]:
    return [Wrong({key: value}, key + inner, words) for value, inner, words in cases]


def _tools(tools: object) -> dict[str, str]:
    return {"tools": json.dumps(tools)}


WRONG = [
    *_one(
        "azCount",
        ("0", "", "0 is outside 1 to 6"),
        ("7", "", "7 is outside 1 to 6"),
        ("two", "", "'two' is not an integer from 1 to 6"),
        ("true", "", "true is not an integer"),
    ),
    *_one(
        "maxVcpus",
        ("-1", "", "-1 is outside 1 to"),
        ("2", "", "2 is less than tools.bwa.vcpus, which is 4. Jobs of bwa could never start"),
    ),
    *_one("scratchGiB", ("29", "", "29 is outside 30 to 16384"), ("16385", "", "16385 is outside 30 to 16384")),
    *_one(
        "vpcCidr",
        ("10.0.0.0/23", "", "not an IPv4 range of size /16 to /22"),
        ("10.0.0.1/16", "", "has host bits set). Set it: pulumi config set vpcCidr 10.0.0.0/16"),
        ("8.8.0.0/16", "", "not inside a private range (10.0.0.0/8"),
        ("fd00::/20", "", "not an IPv4 range of size /16 to /22"),
        ("ten", "", "'ten' is not an address range"),
        (
            "10.0.0.0/255.255.0.0",
            "",
            "not an address with a prefix length, such as 10.0.0.0/16. Set it: pulumi config set vpcCidr 10.0.0.0/16",
        ),
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
            "'m6i large' is neither an instance type, such as m6i.large, nor an instance family, such as m6i",
        ),
        ('["m6i", "m6i"]', "[1]", "'m6i' is listed twice"),
        ('["m6i", "m6i", "x", "m6i", "y"]', "[3]", "'m6i' is listed twice"),
        ('["m6i", 6]', "[1]", "6 is neither an instance type"),
        ('["a1.large"]', "[0]", "is the first Graviton generation"),
        ('["mac2.metal"]', "[0]", "is a Mac instance, which Batch does not support"),
        ('["m7g"]', "", "m7g is arm64, but architecture is x86_64"),
        ('["m6i", "m7g", "c7g"]', "[2]", "c7g is arm64, but architecture is x86_64. A queue supports only one"),
        ('["m6i", "g5.xlarge"]', "[1]", "'g5.xlarge' has a GPU, which jobs cannot use"),
        ('["p4d"]', "[0]", "has no driver for it, and the job definitions do not request it"),
        ('["inf2"]', "[0]", "a Neuron chip"),
        ("[" * 100_000, "", "is not a list"),
        ("[" * 50 + "]" * 50, "", "is not a list"),
    ),
    Wrong(
        {"architecture": "arm64", "instanceTypes": '["m6i"]'},
        "instanceTypes",
        "m6i is x86_64, but architecture is arm64",
    ),
    *_one("architecture", ("arm", "", "'arm' is not one of x86_64, arm64"), ("riscv", "", "not one of x86_64, arm64")),
    *_one(
        "natGateways",
        ("none", "", "none requires interfaceEndpoints, which is false"),
        ("two", "", "not one of single, one-per-az, none"),
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
        (
            "arn:aws:iam::111122223333:policy/biobatch-x",
            "",
            "The deploy policy allows changes to policies with such names",
        ),
        ("arn:aws-cn:iam::111122223333:policy/x", "", "does not begin with arn:aws:iam::, which aws:region"),
        (
            "arn:aws-eusc:iam::111122223333:policy/biobatch-x",
            "",
            "does not begin with arn:aws:iam::, which aws:region",
        ),
    ),
    *_one(
        "kmsKeyArn",
        ("alias/genomes", "", "'alias/genomes' is not the ARN of a KMS key"),
        ("arn:aws:kms:eu-west-1:111122223333:alias/genomes", "", "The ARN of an alias is not accepted"),
        (
            "arn:aws:kms:us-east-1:111122223333:key/1234",
            "",
            "does not begin with arn:aws:kms:eu-west-1:, which aws:region eu-west-1 requires",
        ),
        ("arn:aws-cn:kms:eu-west-1:111122223333:key/1234", "", "does not begin with arn:aws:kms:eu-west-1:, which"),
    ),
    *_one(
        "availabilityZones",
        ("eu-west-1a", "", "'eu-west-1a' is not a list of availability zones"),
        ('["a"]', "[0]", "'a' is not the name of an availability zone"),
        ('["eu-west-1-lon-1a"]', "[0]", "is not the name of an availability zone"),
        ('["eu-west-1a", "eu-west-1a"]', "[1]", "'eu-west-1a' is listed twice"),
        ('["us-east-1a"]', "[0]", "us-east-1a is not in aws:region, eu-west-1"),
        ('["eu-west-1a", "us-east-1a", "us-east-1b"]', "[1]", "us-east-1a is not in aws:region, eu-west-1. Remove it"),
        (json.dumps([f"eu-west-1{z}" for z in "abcdefg"]), "", "there are 7 availability zones, but the limit is 6"),
        (json.dumps([f"eu-west-1{z}" for z in "abcdefghi"]), "", "there are 9 availability zones, but the limit is 6"),
    ),
    Wrong(
        {"azCount": "3", "availabilityZones": '["eu-west-1a"]'},
        "azCount",
        "3 does not match availabilityZones, which lists 1 and takes precedence",
    ),
    *_one(
        "vpcId",
        ("10.0.0.0/16", "", "'10.0.0.0/16' is not a VPC ID"),
        (VPC, "", "vpcId is set, but privateSubnetIds is not"),
    ),
    *_one(
        "privateSubnetIds",
        ("subnet-1", "", "not a list of subnet IDs"),
        (json.dumps([VPC]), "[0]", "is not a subnet ID"),
        (json.dumps([SUBNET]), "", "privateSubnetIds is set, but vpcId is not"),
    ),
    *(
        Wrong(
            {"vpcId": VPC, "privateSubnetIds": json.dumps([SUBNET]), key: value},
            key,
            f"this key applies only to a new network, but vpcId names an existing one. Remove it: pulumi config rm {key}",
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
        "this key applies only to a new network",
    ),
    *_one(
        "dataBuckets",
        ("genomes", "", "'genomes' is not a list of buckets"),
        ('{"name": "genomes"}', "", "is not a list of buckets, each an object {name, access, prefix, kmsKeyArn}"),
        ('["genomes"]', "[0]", "'genomes' is not an object"),
        ('[{"bucket": "genomes"}]', "[0].bucket", "this field does not exist. A bucket has name"),
        ('[{"name": "genomes", "region": "eu", "public": true}]', "[0].region", "this field does not exist"),
        ('[{"access": "read"}]', "[0]", "name: '' is not a bucket name"),
        (
            '[{"name": "s3://genomes"}]',
            "[0].name",
            "without s3://. Set it: pulumi config set --path 'dataBuckets[0].name' genomes",
        ),
        ('[{"name": "Genomes"}]', "[0].name", "3 to 63 of a-z"),
        ('[{"name": "s3://123456/"}]', "[0].name", "--type string 'dataBuckets[0].name' 123456"),
        ('[{"name": "a_b"}, {"name": "ok-bucket"}]', "[0]", "name: 'a_b' is not a bucket name"),
        ('[{"name": "ok-bucket"}, {"name": 7, "prefix": 8, "access": 9}]', "[1]", "name: 7 is not a bucket name"),
        ('[{"name": "genomes", "access": "write"}]', "[0].access", "'write' is neither read nor read-write"),
        (
            '[{"name": "genomes", "prefix": "human"}]',
            "[0].prefix",
            "is not a folder, such as genomes/. A prefix ends with a slash",
        ),
        ('[{"name": "genomes", "prefix": "/human/"}]', "[0].prefix", "and does not begin with one"),
        ('[{"name": "genomes", "prefix": "*/"}]', "[0]", "have a special meaning in IAM policies"),
        ('[{"name": "genomes", "prefix": 1}]', "[0]", "1 is not a string of up to 128 printable characters"),
        ('[{"name": "genomes", "kmsKeyArn": "alias/x"}]', "[0].kmsKeyArn", "'alias/x' is not the ARN"),
        ('[{"name": "genomes"}, {"name": "genomes"}]', "[1]", "genomes/ is listed twice"),
        (
            json.dumps([{"name": f"genomes{i}"} for i in range(11)]),
            "",
            "there are 11 buckets, but the limit is 10. So many always fit a role's policy",
        ),
        (
            json.dumps([{"name": "genomes", "prefix": "é" * 22 + "/"}]),
            "[0]",
            "not a string of up to 128 printable characters",
        ),
        ('[{"\\ud800": 1}]', "", r"contains an unpaired surrogate"),
    ),
    *_one("engines", ("nextflow", "", "'nextflow' is neither true nor false")),
    *_one(
        "engineImages",
        ("quay.io/biocontainers/*", "", "'quay.io/biocontainers/*' is not a list of image patterns. Set it: pulumi"),
        ('["*"]', "[0]", "'*' has a * in the registry, which would allow images of any registry. Name the registry"),
        ('["*/biocontainers/*"]', "[0]", "has a * in the registry"),
        ('["quay.*/biocontainers/*"]', "[0]", "has a * in the registry"),
        (
            '["quay.io/*"]',
            "[0]",
            "'quay.io/*' allows every image of quay.io. Add a path, as in quay.io/biocontainers/*",
        ),
        ('["quay.io/"]', "[0]", "'quay.io/' allows every image of quay.io"),
        ('["quay.io"]', "[0]", "'quay.io' allows every image of quay.io"),
        ('["docker://quay.io/biocontainers/*"]', "[0]", "begins with a scheme. An image has none"),
        (
            '["biocontainers/*"]',
            "[0]",
            "'biocontainers/*' does not begin with a registry, such as quay.io or docker.io",
        ),
        ('["Quay.io/biocontainers/*"]', "[0]", "does not begin with a registry"),
        (
            '["quay.io/BioContainers/*"]',
            "[0]",
            "'BioContainers/*' in 'quay.io/BioContainers/*' is not a path of images",
        ),
        ('["quay.io/biocontainers/b?a"]', "[0]", "is not a path of images: lowercase letters, digits and . _ - /"),
        ('["quay.io/${aws:username}/a"]', "[0]", "is not a path of images"),
        ('["quay.io/biocontainers/*", 7]', "[1]", "7 is not a string, such as quay.io/biocontainers/*"),
        ('["quay.io/a*", "quay.io/a*"]', "[1]", "'quay.io/a*' is listed twice"),
        (json.dumps([f"quay.io/{'a' * 121}"]), "[0]", "has 129 characters, but the limit is 128"),
        (json.dumps([f"quay.io/a{i}" for i in range(21)]), "", "there are 21 image patterns, but the limit is 20"),
    ),
    *_one("workDays", ("0", "", "0 is outside 1 to 3650"), ("3651", "", "3651 is outside 1 to 3650")),
    *_one("logRetentionDays", ("31", "", "31 is not one of"), ("never", "", "'never' is not one of")),
    *_one(
        "imageDate",
        ("today", "", "'today' is not a date of the form YYYY-MM-DD"),
        ("2026-02-30", "", "not a date of the form YYYY-MM-DD"),
        ("20261129", "", "not a date of the form YYYY-MM-DD"),
        ("2026-11-29T00:00", "", "not a date of the form YYYY-MM-DD"),
    ),
    *_one("amiId", ("ami-1", "", "not an AMI ID"), ("al2023", "", "not an AMI ID")),
    *_one(
        "tags",
        ("[]", "", "[] is not an object that maps tag keys to values"),
        ('{"aws:x": "y"}', ".aws:x", "'aws:x' is reserved"),
        ('{"a.b\\"c[": "y", "aws:d e": "f"}', '["aws:d e"]', "reserved"),
        (
            '{"Project": "a", "project": "b"}',
            ".project",
            "'project' is the same as 'Project': IAM tag keys are case-insensitive",
        ),
        ('{"x": "a\\tb"}', ".x", "not a string of up to 256"),
        ('{"x": 1}', ".x", "the value 1 is not a string"),
        ('{"x": -1.5, "y": true}', ".y", "the value true is not a string"),
        ('{"x!": 1}', ".x!", "'x!' is not a tag key"),
        ('{"": "1"}', '[""]', "'' is not a tag key"),
        ('{"x\\\\": "1"}', "['x\\\\']", "is not a tag key"),
        (json.dumps({f"t{i}": "" for i in range(41)}), "", "there are 41 tags, but the limit is 40"),
    ),
    *_one(
        "shares",
        ("[]", "", "not an object that maps share identifiers"),
        ('{"a-b": 1}', ".a-b", "'a-b' is not a share identifier"),
        ('{"yeast*": 1, "yeastA": 2}', ".yeast*", "'yeast*' overlaps with 'yeastA'"),
        ('{"": 1}', '[""]', "'' is not a share identifier"),
        ('{"*": 1}', ".*", "'*' is not a share identifier: 1 to 254 letters and digits, with an optional *"),
        ('{"*": 1, "a": 2}', ".*", "'*' overlaps with 'a'"),
        ('{"*": 1, "a": 2}', ".*", "Unlisted shares have weight 1."),
        ('{"a": 0}', ".a", "the weight 0 is not a number from 0.0001 to 999.9999"),
        ('{"a": "1"}', ".a", "the weight '1' is not a number"),
        ('{"a": "0.5"}', ".a", "pulumi config set --path --type float shares.a 0.5"),
        ('{"a-b": "heavy"}', ".a-b", "the weight 'heavy' is not a number"),
    ),
    *_one(
        "tools",
        ("[]", "", "[] is not an object that maps tools"),
        ('{"STAR": {}}', ".STAR", "'STAR' is not a tool name"),
        ('{"base": {}}', ".base", "'base' is not a tool name"),
        ('{"engine-bwa": {}}', ".engine-bwa", "not base, and not beginning with engine- or head-"),
        ('{"head-bwa": {}}', ".head-bwa", "'head-bwa' is not a tool name"),
        ('{"no-such": {}}', ".no-such", "images/no-such/Dockerfile does not exist"),
        ('{"bwa": 4}', ".bwa", "4 is not an object with vcpus, memoryMib, timeoutSeconds, buildArgs"),
        ('{"bwa": {"memory": 1}}', ".bwa.memory", "this setting does not exist. A tool has vcpus"),
        ('{"bwa": {"vcpus": 0}}', ".bwa.vcpus", "0 is not an integer of 1 or more"),
        ('{"bwa": {"vcpus": true}}', ".bwa.vcpus", "true is not an integer"),
        (
            '{"bwa": {"vcpus": "8"}}',
            ".bwa.vcpus",
            "'8' is not an integer of 1 or more. Set it: pulumi config rm --path",
        ),
        ('{"bwa": {"vcpus": "many"}}', ".bwa.vcpus", "'many' is not an integer of 1 or more"),
        ('{"bwa": {"vcpus": 1.5}}', ".bwa.vcpus", "1.5 is not an integer"),
        ('{"bwa": {"timeoutSeconds": 59}}', ".bwa.timeoutSeconds", "59 is not an integer of 60 or more"),
        ('{"no-such": {}, "bwa": {"vcpus": 0}}', ".no-such", "images/no-such/Dockerfile does not exist"),
        ('{"bwa": {"buildArgs": []}}', ".bwa.buildArgs", "[] is not an object that maps build arguments to strings"),
        (
            '{"bwa": {"buildArgs": {"BWA_VERSION": 1}}}',
            ".bwa.buildArgs.BWA_VERSION",
            "1 is not a string. Put a number in quotes",
        ),
        ('{"bwa": {"buildArgs": {"BWA_VERSION": 0.7}}}', ".bwa.buildArgs.BWA_VERSION", "0.7 is not a string"),
        ('{"bwa": {"buildArgs": {"BASE": "debian"}}}', ".bwa.buildArgs.BASE", "BASE is reserved. Biobatch sets it"),
        ('{"bwa": {"buildArgs": {"": "1"}}}', '.bwa.buildArgs[""]', "'' is not the name of a build argument"),
        ('{"bwa": {"buildArgs": {"A B": "1"}}}', '.bwa.buildArgs["A B"]', "'A B' is not the name of a build argument"),
        ('{"bwa": {"buildArgs": {"2BIT": "1"}}}', ".bwa.buildArgs.2BIT", "not beginning with a digit"),
        (
            '{"bwa": {"buildArgs": {"A\\u0000": "1"}}}',
            r".bwa.buildArgs['A\x00']",
            r"'A\x00' is not the name of a build argument",
        ),
        (
            '{"bwa": {"buildArgs": {"A": "\\u0000"}}}',
            ".bwa.buildArgs.A",
            r"the value '\x00' contains unprintable characters",
        ),
        ('{"bwa": {"buildArgs": {"A": "1\\n2"}}}', ".bwa.buildArgs.A", "or more than one line"),
        ('{"bwa": {"buildArgs": {"A": "\\ud800"}}}', "", r"contains an unpaired surrogate"),
        ('{"bwa": {"\\udfff": 1}}', "", r"'\udfff' contains an unpaired surrogate"),
    ),
    Wrong(_tools({"bwa": {"vcpus": 1000}}), "maxVcpus", "256 is less than tools.bwa.vcpus, which is 1000"),
    Wrong(
        {"maxVcpus": "3", **_tools({"samtools": {"vcpus": 8}})},
        "maxVcpus",
        "3 is less than tools.samtools.vcpus, which is 8",
    ),
    Wrong({"azcount": "2"}, "azcount", "this key does not exist. Did you mean azCount?"),
    Wrong({"two words": "2"}, "two words", "pulumi config rm 'biobatch:two words'"),
    *_one(
        "alertEmail",
        ("1", "", "'1' is not an e-mail address, such as lab@example.org"),
        ("lab@localhost", "", "is not an e-mail address"),
        ("lab@example.org, pi@example.org", "", "is not an e-mail address"),
        ("Lab <lab@example.org>", "", "is not an e-mail address"),
        ("lab@-example.org", "", "is not an e-mail address"),
        (f"{'l' * 90}@example.org", "", "is not an e-mail address"),
    ),
    *_one(
        "dashboard",
        ("yes", "", "'yes' is neither true nor false"),
    ),
    *_one(
        "monthlyBudgetUsd",
        ("-1", "", "-1 is outside 0 to 1000000"),
        ("99.5", "", "99.5 is not an integer from 0 to 1000000"),
        ("100 EUR", "", "'100 EUR' is not an integer from 0 to 1000000"),
    ),
    Wrong({"monthlyBudgetUsd": "100"}, "monthlyBudgetUsd", "100 requires alertEmail, the address for e-mails"),
    Wrong(
        {"monthlyBudgetUsd": "100", "alertEmail": "lab@example.org", "tags": '{"Biobatch-Stack": "y"}'},
        "tags.Biobatch-Stack",
        "'Biobatch-Stack' is reserved with monthlyBudgetUsd",
    ),
    Wrong(
        {
            "monthlyBudgetUsd": "100",
            "alertEmail": "lab@example.org",
            "tags": json.dumps({f"t{i}": "" for i in range(40)}),
        },
        "tags",
        "there are 40 tags, but the limit with monthlyBudgetUsd is 39",
    ),
    Wrong({"azCount": "9", "maxVcpus": "-4", "spot": "no"}, "azCount", "9 is outside 1 to 6"),
    # tests/local/lifecycle uses the same invalid values.
    Wrong({"vpcCidr": "10.0.0.0/24"}, "vpcCidr", "10.0.0.0/24 is not an IPv4 range of size /16 to /22"),
    Wrong({"azCuont": "3"}, "azCuont", "Did you mean azCount?"),
]
