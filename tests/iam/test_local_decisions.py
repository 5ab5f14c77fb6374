"""The evaluator of the local AWS decides as the maintained evaluator does, for many generated policies and requests."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.aws.authorization.callers import Caller, Refused
from local.aws.authorization.policies import Context, parse
from tests.iam.evaluator import Evaluator, Request

#: Enough that each operator meets values that match, that do not match, and no value. The evaluator takes about 5 seconds for them.
COUNT = 3000

BATCH = "arn:aws:batch:us-east-1:111122223333"
LOGS = "arn:aws:logs:us-east-1:111122223333:log-group"
ROLE = "arn:aws:iam::111122223333:role"

#: Actions, each with resources and with the values that its condition keys can have.
REQUESTS: Sequence[tuple[str, Sequence[str], Mapping[str, Sequence[str | Sequence[str]]]]] = [
    (
        "batch:RegisterJobDefinition",
        [f"{BATCH}:job-definition/nf-a", f"{BATCH}:job-definition/biobatch-bwa"],
        {
            "batch:User": ["10001:10001", "root", "10001:992"],
            "batch:Image": ["quay.io/biocontainers/bwa:1", "docker.io/evil", "Quay.io/biocontainers/bwa:1"],
            "batch:Privileged": ["true", "false", "False"],
            "batch:AWSLogsGroup": ["biobatch-1a2b3c4"],
            "aws:TagKeys": [["team"], ["team", "run"], ["other"]],
            "aws:RequestTag/team": ["a", "B"],
        },
    ),
    (
        "batch:SubmitJob",
        [f"{BATCH}:job-queue/main", f"{BATCH}:job-definition/nf-a:1", f"{BATCH}:job-definition/nf-a"],
        # Not `batch:ShareIdentifier`, since the evaluator knows it for SubmitJob on `job` only. AWS's example policy has it on queues and definitions
        # (Batch User Guide, "Restrict job submission by job definition").
        {"aws:RequestTag/team": ["a", "ab"], "aws:TagKeys": [["team"], ["team", "run"]]},
    ),
    ("batch:TerminateJob", [f"{BATCH}:job/0123", f"{BATCH}:job/0123:4"], {"aws:ResourceTag/team": ["a", "B"]}),
    ("batch:DescribeJobs", ["*"], {}),
    ("s3:GetObject", ["arn:aws:s3:::bucket/work/a+b", "arn:aws:s3:::bucket/a:b/c"], {}),
    (
        "s3:ListBucket",
        ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket2"],
        {"s3:prefix": ["work/", "work/a", ""], "s3:max-keys": ["1", "10", "1000"]},
    ),
    (
        "iam:PassRole",
        [f"{ROLE}/job", f"{ROLE}/instance"],
        {
            "iam:PassedToService": ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"],
            "iam:AssociatedResourceArn": [f"{BATCH}:job-queue/main", f"{BATCH}:job/0123:4"],
        },
    ),
    ("logs:GetLogEvents", [f"{LOGS}:biobatch:log-stream:a/b", f"{LOGS}:other:log-stream:a"], {}),
]

KEYS = {key for _, _, keys in REQUESTS for key in keys}

PATTERNS = {
    "String": ["a", "A", "b", "", "team", "other", "work/*", "work/?", "10001:10001", "*", "ecs-*", "quay.io/*", "?b"],
    "Bool": ["true", "false", "FALSE"],
    "Numeric": ["1", "10", "99"],
    "Arn": [f"{BATCH}:job-queue/*", "arn:*:batch:us-east-?:*:job/*", "arn:aws:batch:*:*:*", "arn:aws:*:*:*:job/0123:4"],
}

OPERATORS = {
    "String": [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ],
    "Bool": ["Bool"],
    "Numeric": [
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
    ],
    "Arn": ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
}

ACTIONS = [
    "*",
    "batch:*",
    "batch:SubmitJob",
    "BATCH:submit*",
    "batch:*Job",
    "batch:Regist?rJobDefinition",
    "s3:Get*",
    "s3:*Object",
    "s3:ListBucket",
    "iam:PassRole",
    "logs:*",
]

RESOURCES = [
    "*",
    f"{BATCH}:*",
    f"{BATCH}:job-definition/nf-*",
    f"{BATCH}:job-definition/nf-a",
    f"{BATCH}:job-definition/nf-?:*",
    f"{BATCH}:job-queue/main",
    f"{BATCH}:job/*",
    "arn:aws:batch:*:*:job*",
    "arn:*:batch:us-east-?:111122223333:*",
    "arn:aws:batch:us-*:job-queue/main:*",
    "arn:aws:s3:::bucket*",
    "arn:aws:s3:::bucket/work/*",
    "arn:aws:s3:::bucket/work/a+?",
    "arn:aws:s3:::*/c",
    "arn:aws:s3:::bucket",
    f"{ROLE}/*",
    f"{ROLE}/job",
    f"{LOGS}:biobatch:*",
    f"{LOGS}:biobatch",
    f"{LOGS}:*:log-stream:a",
]


def _some(dice: random.Random, items: Sequence[str], likely: Sequence[str]) -> str | list[str]:
    """One item or a list of up to 3, of which the first is likely a likely one."""
    first = dice.choice(likely) if dice.random() < 0.6 else dice.choice(items)
    found = [first, *dice.sample(items, dice.randrange(3))]
    return first if len(found) == 1 and dice.random() < 0.5 else found


def _conditions(dice: random.Random, key: str, values: Sequence[str | Sequence[str]]) -> dict[str, Any]:
    # JavaScript takes 10001:992 for the number 10001.
    kind = dice.choice([kind for kind in OPERATORS if (key, kind) != ("batch:User", "Numeric")])
    name = dice.choice(OPERATORS[kind])
    if dice.random() < 0.3:
        name += "IfExists"
    if dice.random() < (0.7 if key == "aws:TagKeys" else 0.1):
        name = dice.choice(["ForAnyValue:", "ForAllValues:"]) + name
    flat = [each for value in values for each in ([value] if isinstance(value, str) else value)]
    if dice.random() < 0.15:
        return {"Null": {key: dice.choice(["true", "false"])}}
    if kind == "Arn":
        return {name: {key: _some(dice, PATTERNS[kind], PATTERNS[kind])}}
    if kind == "Bool":
        return {name: {key: dice.choice(PATTERNS[kind])}}
    return {name: {key: _some(dice, PATTERNS[kind], flat if kind == "String" else PATTERNS[kind])}}


def _policy(dice: random.Random, action: str, resource: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    statements = []
    for _ in range(dice.randint(1, 3)):
        statement: dict[str, Any] = {"Effect": "Deny" if dice.random() < 0.2 else "Allow"}
        statement["NotAction" if dice.random() < 0.15 else "Action"] = _some(dice, ACTIONS, [action])
        statement["NotResource" if dice.random() < 0.15 else "Resource"] = _some(dice, RESOURCES, [resource])
        if keys and dice.random() < 0.7:
            conditions: dict[str, Any] = {}
            for key in dice.sample(list(keys), dice.randint(1, min(2, len(keys)))):
                conditions.update(_conditions(dice, key, keys[key]))
            statement["Condition"] = conditions
        statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}


def _requests() -> Iterator[Request]:
    dice = random.Random(25)
    for _ in range(COUNT):
        action, resources, keys = dice.choice(REQUESTS)
        resource = dice.choice(resources)
        present = {key: dice.choice(values) for key, values in keys.items() if dice.random() < 0.7}
        yield Request(
            action=action,
            resource=resource,
            context=present,
            policies=[_policy(dice, action, resource, keys) for _ in range(dice.randint(1, 2))],
            boundaries=[_policy(dice, action, resource, keys)] if dice.random() < 0.15 else None,
            sessionPolicy=_policy(dice, action, resource, keys) if dice.random() < 0.15 else None,
            principal="arn:aws:sts::111122223333:assumed-role/role/session",
        )


def _is_allowed(request: Request) -> bool:
    policies = {
        "identity-based policy": request.policies,
        "permissions boundary": request.boundaries,
        "session policy": [request.sessionPolicy] if request.sessionPolicy else None,
    }
    caller = Caller(
        arn=request.principal,
        principal=request.principal,
        policies={
            kind: [statement for document in documents for statement in parse(json.dumps(document))]
            for kind, documents in policies.items()
            if documents is not None
        },
        context={},
    )
    context: Context = {
        **dict.fromkeys(key.lower() for key in KEYS),
        **{key.lower(): value for key, value in request.context.items()},
    }
    try:
        caller.demand(request.action, request.resource, context)
    except Refused:
        return False
    return True


def test_generated_requests_are_decided_as_by_the_maintained_evaluator(evaluator: Evaluator) -> None:
    requests = list(_requests())
    expected = evaluator.decisions(requests)
    wrong = [r for r, allowed in zip(requests, expected, strict=True) if _is_allowed(r) is not allowed]
    assert wrong == []
    # Both decisions occur often, so the comparison means something.
    assert min(sum(expected), COUNT - sum(expected)) > COUNT / 5
