"""redun's settings for a stack."""

from __future__ import annotations

from biobatch.engines.nextflow import comment
from biobatch.stack_outputs import StackOutputs


def settings(stack: StackOutputs) -> str:
    """The text of a redun.ini with an executor for each tool.

    Args:
        stack: the stack's outputs.

    Raises:
        Refused: if an older version of Biobatch deployed the stack.
    """
    stack.require_engine_definitions()
    executors = "".join(
        _executor(stack, tool, definition) for tool, definition in sorted(stack.engine_job_definition_arns.items())
    )
    return f"""\
; redun on the Biobatch stack of the bucket {comment(stack.bucket)}. Written by: biobatch engines redun
; Use it with redun 0.44 or newer:
;   mkdir -p .redun && biobatch engines redun > .redun/redun.ini
;   redun run workflow.py main
; A task names its tool: @task(script=True, executor="bwa")
; Credentials need the stack's policy submit_policy_arn, and nothing else.
;
; redun replaces the retry rules of the job definitions, so that a Spot interruption would end a task. AWS never interrupts jobs of the
; On-Demand queue, which the executors use. The main queue costs less. With `retries`, Batch repeats tasks whatever they failed of:
;   queue = {stack.queue_arn}
;   retries = 3
; The job definitions have the image and the role, but redun wants values for them. `vcpus` and `memory` (GiB) are for tasks that ask for none.
; S3 deletes what is under work/ after `workDays`.
[backend]
db_uri = sqlite:///redun.db
{executors}"""


def _executor(stack: StackOutputs, tool: str, definition: str) -> str:
    # redun looks for the newest revision of a name.
    name = definition.rpartition("/")[2].rpartition(":")[0]
    return f"""
[executors.{tool}]
type = aws_batch
aws_region = {stack.region}
queue = {stack.on_demand_queue_arn}
autocreate_job_def = False
job_def_name = {name}
image = unused
role = none
s3_scratch = {stack.work_folder}/redun
vcpus = 1
memory = 1
job_monitor_interval = 5
"""
