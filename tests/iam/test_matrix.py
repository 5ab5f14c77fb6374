"""The permissions of every role and policy. The evaluator decides each row from the policies that the program registers."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from tests.iam.conftest import ACCOUNT, Policies, moved
from tests.iam.evaluator import Evaluator, Request, key_policy
from tests.iam.matrix import BOUNDED, BUCKET, ECR, ENGINES, IAM, LAB, MATRIX, Row


def wrong(rows: Sequence[Row], policies: Policies, evaluator: Evaluator) -> list[str]:
    """The rows for which IAM decides differently in the stack's partition."""
    there = partial(moved, partition=policies.partition)
    requests = [
        Request(
            action=action,
            resource=there(resource),
            context={key: there(value) for key, value in context.items()},
            policies=policies.of(who),
            resourcePolicy=json.loads(there(json.dumps(key_policy(ACCOUNT)))) if action.startswith("kms:") else None,
            principal=there(f"{IAM}:role/somebody"),
        )
        for who, action, resource, context, _ in rows
    ]
    decided = evaluator.decisions(requests)
    return [
        f"{who}: {action} on {request.resource} {request.context or ''} is {'allowed' if is_allowed else 'denied'}"
        for (who, action, _, _, allowed), request, is_allowed in zip(rows, requests, decided, strict=True)
        if is_allowed is not allowed
    ]


def test_the_matrix_holds_in_every_partition(plain: Policies, evaluator: Evaluator) -> None:
    assert wrong(MATRIX, plain, evaluator) == []


def test_the_matrix_of_a_bounded_stack_with_a_key_holds_in_every_partition(
    bounded: Policies, evaluator: Evaluator
) -> None:
    assert wrong(BOUNDED, bounded, evaluator) == []


def test_engines_register_only_definitions_without_privileges_in_every_partition(
    engines: Policies, evaluator: Evaluator
) -> None:
    assert wrong(ENGINES, engines, evaluator) == []


def test_with_engines_all_other_permissions_stay_as_they_are(engines: Policies, evaluator: Evaluator) -> None:
    other_buckets = [row for row in MATRIX if ":::references" in row[2] or ":::results" in row[2]]
    more = {(row[:3]) for row in ENGINES if row[4]} | {("execution", "ecr:BatchGetImage", f"{ECR}/other")}
    rows = [row for row in MATRIX if row not in other_buckets and row[:3] not in more]
    assert len(rows) > len(MATRIX) - 30
    assert wrong(rows, engines, evaluator) == []


def test_engines_run_the_heads_of_the_stack_and_the_deployer_stays_within_the_boundary(
    lab: Policies, evaluator: Evaluator
) -> None:
    assert wrong(LAB, lab, evaluator) == []


def test_the_bucket_policy_denies_plain_http_and_grants_nothing(plain: Policies, evaluator: Evaluator) -> None:
    there = partial(moved, partition=plain.partition)
    (policy,) = plain.of_buckets()
    asked = [
        ("s3:ListBucket", BUCKET),
        ("s3:PutBucketPolicy", BUCKET),
        ("s3:GetObject", f"{BUCKET}/reads/a.fastq.gz"),
        ("s3:PutObject", f"{BUCKET}/results/a.bam"),
    ]
    owner = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}

    def allowed(policies: Sequence[Mapping[str, Any]], tls: str) -> list[bool]:
        return evaluator.decisions(
            [
                Request(
                    action=action,
                    resource=there(resource),
                    policies=policies,
                    resourcePolicy=policy,
                    context={"aws:SecureTransport": tls},
                    principal=there(f"{IAM}:role/somebody"),
                )
                for action, resource in asked
            ]
        )

    assert allowed([owner], tls="true") == [True] * 4
    assert allowed([owner], tls="false") == [False] * 4
    assert allowed([], tls="true") == allowed([], tls="false") == [False] * 4


@pytest.mark.parametrize("who", ["job", "execution", "instance", "submit", "deploy", "engine"])
def test_resource_star_occurs_only_where_aws_supports_nothing_narrower(
    who: str, plain: Policies, bounded: Policies, lab: Policies, evaluator: Evaluator
) -> None:
    stacks = [lab] if who == "engine" else [plain, bounded, lab]
    statements = [s for stack in stacks for policy in stack.of(who) for s in policy["Statement"]]
    listed = [
        (s["Resource"], a) for s in statements for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    ]
    types = evaluator.resource_types([action for _, action in listed])
    assert [action for resource, action in listed if resource == "*" and types[action]] == []
    assert [action for resource, action in listed if resource != "*" and not types[action]] == []
