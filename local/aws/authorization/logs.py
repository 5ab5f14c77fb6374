"""What calls to CloudWatch Logs need (Service Authorization Reference, "Amazon CloudWatch Logs")."""

from collections.abc import Iterator

from local.aws.authorization.needs import Call, Need, texts

#: The operations whose action has a log group or a log stream as its resource. Both have the form of a stream in AWS's refusals, without a name
#: for a group, so `log-group:NAME:*` names both, and `log-group:NAME` neither.
_ON_GROUPS = frozenset(
    {
        "CreateLogGroup",
        "CreateLogStream",
        "DeleteLogGroup",
        "DeleteLogStream",
        "DeleteRetentionPolicy",
        "DescribeLogGroups",
        "DescribeLogStreams",
        "FilterLogEvents",
        "GetLogEvents",
        "GetLogGroupFields",
        "PutLogEvents",
        "PutRetentionPolicy",
        "StartLiveTail",
        "StartQuery",
    }
)

#: The operations on a stream of a group. For the others, a request that names a stream selects what it shows of the group.
_ON_STREAMS = frozenset({"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"})


def needs(call: Call) -> Iterator[Need] | None:
    """What a call to CloudWatch Logs needs, or None if it is not known here."""
    return _needs(call) if call.operation in _ON_GROUPS else None


def _needs(call: Call) -> Iterator[Need]:
    stream = call.text("logStreamName") if call.operation in _ON_STREAMS else ""
    given = [call.text(name) for name in ("logGroupName", "logGroupIdentifier")]
    given += [each for name in ("logGroupNames", "logGroupIdentifiers") for each in texts(call.request, name)]
    # DescribeLogGroups can leave out a group.
    for group in [each for each in given if each] or [""]:
        name = group.removeprefix(call.arn("log-group:")).removesuffix(":*")
        yield Need(action=f"logs:{call.operation}", resource=call.arn(f"log-group:{name}:log-stream:{stream}"))
