"""Notices by e-mail, a dashboard and a budget."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components.arguments import each, known, refuse
from components.limits import (
    BUDGET_USD,
    account_fault,
    arn_fault,
    email_fault,
    kms_key_fault,
    optional,
    partition_fault,
    region_fault,
    tag_faults,
    whole_number,
)

#: Shares of the monthly budget, in percent, at which AWS Budgets sends an e-mail: for the cost so far, and for the forecast of the whole month.
BUDGET_THRESHOLDS = {"ACTUAL": (80, 100), "FORECASTED": (100,)}

#: How long EventBridge tries to deliver a notice, in seconds, and how often at most. These are its largest values.
DELIVERY_SECONDS = 86_400
DELIVERY_ATTEMPTS = 185

#: The domain of the AWS console by partition.
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """Arguments of `Monitoring`."""

    partition: str
    """AWS partition, such as `aws`. Changing it replaces the policy of the topic."""
    account_id: str
    """ID of the account, 12 digits. Changing it is an in-place update."""
    region: str
    """Region code. Changing it replaces all resources."""
    queue_arns: Sequence[pulumi.Input[str]]
    """ARNs of the queues whose jobs are watched. Changing them is an in-place update."""
    bucket: pulumi.Input[str]
    """Name of the stack's bucket. The dashboard shows its size and has its name. Changing it replaces the dashboard."""
    log_group: pulumi.Input[str]
    """Name of the log group of the jobs. Changing it is an in-place update."""
    alert_email: str = ""
    """E-mail address that gets the notices. The default is "", no notices. Changing it replaces the subscription, which must be confirmed again."""
    dashboard: bool = False
    """True: creates the dashboard. A change adds or removes the dashboard."""
    monthly_budget_usd: int = 0
    """Budget in USD per month. It needs `alert_email`. The default is 0, no budget. Changing it is an in-place update."""
    budget_tag: tuple[str, str] = ("", "")
    """Key and value of the tag whose cost counts. Changing it is an in-place update."""
    kms_key_arn: str = ""
    """ARN of the KMS key that encrypts the topic. Its policy must allow EventBridge to use it. With "", the default, SNS's own disk encryption is
    used. Changing it is an in-place update."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the topic, the rules and the budget. Changing them is an in-place update."""

    def __post_init__(self) -> None:
        refuse(
            self,
            ["monthly_budget_usd: it needs alert_email."] if self.monthly_budget_usd and not self.alert_email else [],
            partition=partition_fault,
            account_id=account_fault,
            region=region_fault,
            queue_arns=each(known(arn_fault("batch")), least=1),
            alert_email=optional(email_fault),
            monthly_budget_usd=whole_number(*BUDGET_USD),
            kms_key_arn=optional(kms_key_fault),
            tags=tag_faults,
        )


@dataclass(frozen=True)
class Notice:
    """One kind of notice: the events that cause it, and its text."""

    detail_type: str
    """The type of the events."""
    detail: Mapping[str, Any]
    """The pattern of the event's `detail`, without the queue."""
    values: Mapping[str, str]
    """Path of each value of the text in the event."""
    lines: Sequence[str]
    """The text. `<name>` stands for a value."""

    def pattern(self, queue_arns: Sequence[str]) -> str:
        """The event pattern, as JSON."""
        return json.dumps(
            {
                "source": ["aws.batch"],
                "detail-type": [self.detail_type],
                "detail": {"jobQueue": list(queue_arns), **self.detail},
            }
        )

    @property
    def template(self) -> str:
        """The input template. EventBridge requires quotes around each line of a text, and the e-mail shows them."""
        return "\n".join(json.dumps(line) for line in self.lines)


_STATE = "Batch Job State Change"
_JOB = {
    "run": "$.detail.tags.run",
    "sample": "$.detail.tags.sample",
    "step": "$.detail.tags.step",
    "name": "$.detail.jobName",
    "job": "$.detail.jobId",
    "queue": "$.detail.jobQueue",
    "reason": "$.detail.statusReason",
    "region": "$.region",
    "time": "$.time",
}
_ABOUT = ("Run: <run>", "Step: <step>", "Job: <name> (<job>)", "Queue: <queue>", "Time: <time>", "Reason: <reason>")
_HELP = ("Find the cause: biobatch doctor <job>", "Read the log: biobatch logs <job>")

#: The last job of a run of `call-variants` writes the page of the run. Its name ends in its step (`biobatch/page/job.py`), and a run's name is a
#: date, a time and four digits.
_REPORT = [{"wildcard": "20*-*-*-report"}]
#: The beginning of the reason of a job that Batch fails because a job failed on which it depends (Batch User Guide, "Job dependencies").
_DEPENDENCY_FAILED = "Dependent Job failed"
#: The reason of a job that `biobatch cancel` ends. Whoever ends a job knows it.
CANCELLED = "ended by biobatch cancel"
_OWN_FAULT = [{"anything-but": {"prefix": [_DEPENDENCY_FAILED, CANCELLED]}}, {"exists": False}]

#: The notices by the name of their rule. A retried attempt causes none, because its job becomes RUNNABLE again and not FAILED. The children of an
#: array cause none, because a cohort can have hundreds that fail. Their array does, once, after the last child ended.
NOTICES: Mapping[str, Notice] = {
    "job-failed": Notice(
        _STATE,
        {
            "status": ["FAILED"],
            "statusReason": _OWN_FAULT,
            "arrayProperties": {"index": [{"exists": False}], "size": [{"exists": False}]},
        },
        {**_JOB, "exit": "$.detail.container.exitCode", "detail": "$.detail.container.reason"},
        (
            "Biobatch: the job <name> failed.",
            "Sample: <sample>",
            *_ABOUT,
            "Container: <detail>",
            "Exit code: <exit>",
            *_HELP,
        ),
    ),
    "array-failed": Notice(
        _STATE,
        {
            "status": ["FAILED"],
            "statusReason": _OWN_FAULT,
            "arrayProperties": {"index": [{"exists": False}], "size": [{"exists": True}]},
        },
        {**_JOB, "size": "$.detail.arrayProperties.size", "failed": "$.detail.arrayProperties.statusSummary.FAILED"},
        (
            "Biobatch: the array job <name> ended. <failed> of its <size> jobs failed.",
            *_ABOUT,
            "This is the only notice about the jobs of this array.",
            *_HELP,
        ),
    ),
    "queue-blocked": Notice(
        "Batch Job Queue Blocked",
        {},
        _JOB,
        (
            "Biobatch: the job <name> cannot start. The jobs behind it in the queue wait too.",
            *_ABOUT,
            "Find the cause: biobatch doctor <job>",
            "End the job, so that the others can start: aws batch terminate-job --region <region> --job-id <job> --reason blocked",
        ),
    ),
    "run-succeeded": Notice(
        _STATE,
        {"status": ["SUCCEEDED"], "jobName": _REPORT},
        _JOB,
        (
            "Biobatch: the run <run> succeeded.",
            "Last job: <name> (<job>)",
            "Time: <time>",
            "See all runs: biobatch list",
            "Copy the results to this folder: biobatch fetch <run>",
        ),
    ),
    "run-incomplete": Notice(
        _STATE,
        {"status": ["FAILED"], "jobName": _REPORT, "statusReason": [{"prefix": _DEPENDENCY_FAILED}]},
        _JOB,
        (
            "Biobatch: the run <run> has failed jobs, so Batch did not start its last job, the report.",
            "Last job: <name> (<job>)",
            "Time: <time>",
            "Other jobs of the run can still be running. See them: biobatch watch <run>",
            "Find the causes: biobatch doctor <run>",
            "Run again what failed, after you corrected it: biobatch resume <run>",
            "Write the report of what succeeded: biobatch report <run>",
        ),
    ),
}


class Monitoring(pulumi.ComponentResource):
    """Sends an e-mail when a run ends, a job fails or a queue is blocked. Shows the stack on a dashboard, and watches its cost.

    With `alert_email`, creates an SNS topic with its policy and subscription, and an EventBridge rule for each kind of notice. The address gets an
    e-mail from AWS with a link that confirms the subscription. With `dashboard`, creates a CloudWatch dashboard. With `monthly_budget_usd`, creates a
    budget of AWS Budgets. Without any of them, creates nothing.
    """

    dashboard_url: pulumi.Output[str]
    """URL of the dashboard in the AWS console, or "" without a dashboard."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:Monitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        if args.alert_email:
            _notices(name, args, child)
        if args.monthly_budget_usd:
            _budget(name, args, child)
        self.dashboard_url = pulumi.Output.from_input("")
        if args.dashboard:
            board = aws.cloudwatch.Dashboard(
                name,
                # CloudWatch does not generate names, and two stacks must not write the same dashboard. The bucket's name is unique.
                dashboard_name=args.bucket,
                dashboard_body=pulumi.Output.json_dumps({"widgets": _widgets(name, args)}),
                opts=child,
            )
            console = f"https://{args.region}.{_CONSOLES[args.partition]}/cloudwatch/home?region={args.region}"
            self.dashboard_url = pulumi.Output.concat(console, "#dashboards/dashboard/", board.dashboard_name)
        self.register_outputs({"dashboard_url": self.dashboard_url})


def _notices(name: str, args: MonitoringArgs, child: pulumi.ResourceOptions) -> None:
    topic = aws.sns.Topic(
        name,
        # The sender's name in the e-mails. EventBridge cannot set a subject, so all e-mails have the subject "AWS Notification Message".
        display_name="Biobatch",
        # EventBridge cannot publish to a topic that SNS encrypts with AWS's own key, alias/aws/sns, because nobody can change that key's policy.
        kms_master_key_id=args.kms_key_arn or None,
        tags=args.tags,
        opts=child,
    )
    rules = f"arn:{args.partition}:events:{args.region}:{args.account_id}:rule/{name}-*"
    policy = aws.sns.TopicPolicy(
        name,
        arn=topic.arn,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "Rules",
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sns:Publish",
                        "Resource": topic.arn,
                        "Condition": {
                            "ArnLike": {"aws:SourceArn": rules},
                            "StringEquals": {"aws:SourceAccount": args.account_id},
                        },
                    },
                    {
                        "Sid": "TlsOnly",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sns:Publish",
                        "Resource": topic.arn,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                ],
            }
        ),
        opts=child,
    )
    aws.sns.TopicSubscription(name, topic=topic.arn, protocol="email", endpoint=args.alert_email, opts=child)
    queue_arns = pulumi.Output.all(*args.queue_arns)
    for kind, notice in NOTICES.items():
        rule = aws.cloudwatch.EventRule(
            f"{name}-{kind}",
            description=f"Biobatch sends an e-mail: {kind.replace('-', ' ')}",
            event_pattern=queue_arns.apply(notice.pattern),
            tags=args.tags,
            opts=child,
        )
        aws.cloudwatch.EventTarget(
            f"{name}-{kind}",
            rule=rule.name,
            arn=topic.arn,
            input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                input_paths={value: path for value, path in notice.values.items() if f"<{value}>" in notice.template},
                input_template=notice.template,
            ),
            retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(
                maximum_event_age_in_seconds=DELIVERY_SECONDS, maximum_retry_attempts=DELIVERY_ATTEMPTS
            ),
            # EventBridge drops a notice that the topic's policy does not allow yet.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[policy])),
        )


def _budget(name: str, args: MonitoringArgs, child: pulumi.ResourceOptions) -> None:
    key, value = args.budget_tag
    aws.budgets.Budget(
        name,
        budget_type="COST",
        limit_amount=str(args.monthly_budget_usd),
        limit_unit="USD",
        time_unit="MONTHLY",
        cost_filters=[aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:{key}${value}"])],
        notifications=[
            aws.budgets.BudgetNotificationArgs(
                comparison_operator="GREATER_THAN",
                notification_type=kind,
                threshold=threshold,
                threshold_type="PERCENTAGE",
                subscriber_email_addresses=[args.alert_email],
            )
            for kind, thresholds in BUDGET_THRESHOLDS.items()
            for threshold in thresholds
        ],
        tags=args.tags,
        opts=child,
    )


def _widgets(name: str, args: MonitoringArgs) -> list[dict[str, Any]]:
    """The widgets of the dashboard. All metrics are those that AWS collects free of charge. Batch itself has none."""

    def search(terms: str, statistic: str, seconds: int = 300) -> list[Any]:
        return [[{"expression": f"SEARCH('{terms}', '{statistic}', {seconds})", "id": "e1"}]]

    usage = ["AWS/Usage", "ResourceCount", "Type", "Resource", "Resource", "vCPU", "Service", "EC2", "Class"]
    size = ["AWS/S3", "BucketSizeBytes", "BucketName", args.bucket, "StorageType", "StandardStorage"]
    reserved, used = (
        f'{{AWS/ECS,ClusterName}} ClusterName={name} MetricName=("CPU{kind}" OR "Memory{kind}")'
        for kind in ("Reservation", "Utilization")
    )
    graphs: list[tuple[str, list[Any], str, int]] = [
        (
            "vCPUs of running instances in the account",
            [[*usage, "Standard/Spot"], [*usage, "Standard/OnDemand"]],
            "Maximum",
            300,
        ),
        ("Share of the instances that jobs reserve, in percent", search(reserved, "Average"), "Average", 300),
        ("Share of the instances that jobs use, in percent", search(used, "Average"), "Average", 300),
        (
            "Bytes through the account's NAT gateways",
            search('{AWS/NATGateway,NatGatewayId} MetricName="BytesInFromDestination"', "Sum", 3600),
            "Sum",
            3600,
        ),
        ("Bytes in the stack's bucket", [size], "Average", 86_400),
        (
            "Bytes written to the jobs' log group",
            [["AWS/Logs", "IncomingBytes", "LogGroupName", args.log_group]],
            "Sum",
            3600,
        ),
    ]
    if args.alert_email:
        terms = f'{{AWS/Events,RuleName}} RuleName={name} MetricName=("Invocations" OR "FailedInvocations")'
        graphs.append(("Notices sent, and notices that could not be sent", search(terms, "Sum", 3600), "Sum", 3600))
    return [
        {
            "type": "metric",
            "x": 8 * (i % 3),
            "y": 6 * (i // 3),
            "width": 8,
            "height": 6,
            "properties": {
                "title": title,
                "metrics": metrics,
                "stat": statistic,
                "period": seconds,
                "region": args.region,
                "view": "timeSeries",
            },
        }
        for i, (title, metrics, statistic, seconds) in enumerate(graphs)
    ]
