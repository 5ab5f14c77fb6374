"""Nextflow's settings for a stack."""

from __future__ import annotations

from collections.abc import Mapping

from biobatch.stack_outputs import CACHE_FOLDERS, StackOutputs

#: The `aws` of Biobatch. The images have it, and with `engines` so has each machine. Nextflow mounts the folder `/opt/biobatch` of the machine
#: in the containers of its own definitions.
CLI_PATH = "/opt/biobatch/bin/aws"

#: Attempts of a task whose Spot instance AWS reclaimed, as in the stack's own job definitions.
_SPOT_ATTEMPTS = 4

#: Exit codes of tasks that may succeed when they run again: 137 after the memory was used up, and also, for Nextflow's own definitions, 104 after
#: a reset connection, 143 if the machine shuts down, and the largest Java integer, which Nextflow reports if a task left no exit code.
_RETRIED, _RETRIED_IMAGES = "[137]", "[104, 137, 143, 2147483647]"


def quoted(text: str) -> str:
    """A text as a string of Groovy, in which nothing is replaced."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def comment(text: str) -> str:
    """A text as part of a comment of one line."""
    return " ".join(text.split())


def config(stack: StackOutputs, *, images: bool = False) -> str:
    """The text of a nextflow.config.

    Args:
        stack: the stack's outputs.
        images: whether the pipelines bring container images of their own. Otherwise they use the stack's tools.

    Raises:
        Refused: if the stack does not have what the settings name.
    """
    if images:
        stack.require_engine_policy("--images")
    stack.require_engine_definitions()
    name = "biobatch engines nextflow --images" if images else "biobatch engines nextflow"
    version = "25.10" if images else "24.10"
    why = (
        "Older versions cannot run containers as a user without privileges."
        if images
        else "We have not run older versions."
    )
    results = quoted(f"{stack.engines_folder}/nextflow")
    cache = _image_cache(stack.image_cache) if images and stack.image_cache else ""
    return f"""\
// Nextflow on the Biobatch stack of the bucket {comment(stack.bucket)}. Written by: {name}
// Use it with Nextflow {version} or newer. {why}
//   {name} > biobatch.config
//   nextflow run PIPELINE -c biobatch.config
// Credentials need the stack's {"policies submit_policy_arn and engine_policy_arn" if images else "policy submit_policy_arn, and nothing else"}.

// S3 deletes what is under work/ after `workDays`. -resume works until then.
workDir = {quoted(f"{stack.work_folder}/nextflow")}

// Results. Nothing under engines/ is deleted. `outdir` is the parameter of nf-core, `outputDir` is for Nextflow's workflow outputs.
params.outdir = {results}
outputDir = {results}

aws {{
    region = {quoted(stack.region)}
    batch {{
        // Without it, Nextflow shows no log of a failed task.
        logsGroup = {quoted(stack.log_group)}
        // Copies a task's files. Tasks need no other AWS CLI.
        cliPath = {quoted(CLI_PATH)}
        // A task that no machine can hold fails, and does not block the queue. Nextflow 25.04 and newer do this, older versions ignore it.
        terminateUnschedulableJobs = true
{_definition_settings(stack) if images else _own_definitions()}    }}
}}

{cache}process {{
    executor = 'awsbatch'
    queue = {quoted(stack.queue_arn)}
    // Nextflow runs a task again after these exit codes. 137 means that the memory was used up, so ask for more by attempt in the pipeline:
    //   memory = {{ 4.GB * task.attempt }}
    errorStrategy = {{ task.exitStatus in {_RETRIED_IMAGES if images else _RETRIED} ? 'retry' : 'finish' }}
    maxRetries = 2
{_user() if images else _tools(stack.engine_job_definition_arns)}}}

profiles {{
    // nextflow run PIPELINE -c biobatch.config -profile onDemand: AWS never interrupts the tasks. This costs more.
    onDemand {{
        process.queue = {quoted(stack.on_demand_queue_arn)}
    }}
}}
"""


def _own_definitions() -> str:
    return """\
        // The stack's job definitions retry interrupted tasks. A value here would replace their rules.
        maxSpotAttempts = 0
"""


def _definition_settings(stack: StackOutputs) -> str:
    return f"""\
        // Nextflow registers job definitions with these roles.
        jobRole = {quoted(stack.job_role_arn)}
        executionRole = {quoted(stack.execution_role_arn)}
        // Nextflow's definitions retry nothing else than a reclaimed Spot instance.
        maxSpotAttempts = {_SPOT_ATTEMPTS}
"""


def _image_cache(cache: str) -> str:
    return f"""\
// The machines have no way to the internet, and use copies of images in the account's ECR. An administrator first pulls each image once from
// elsewhere: see docs/how-to/private-only.md. Nextflow asks there for images whose names have no registry, as nf-core writes them. Name others
// with the copy's folder: {comment(cache)}/quay/ for quay.io, {comment(cache)}/ecr-public/ for public.ecr.aws. Images of other registries
// cannot be used.
docker.registry = {quoted(f"{cache}/{CACHE_FOLDERS['quay.io']}")}

"""


def _user() -> str:
    return """\
    // The stack refuses containers that run as root. The selector also replaces options that a pipeline sets itself.
    withName: '.*' {
        containerOptions = '--user 10001:10001'
    }
"""


def _tools(definitions: Mapping[str, str]) -> str:
    """A selector for each tool, by a label of the process."""
    lines = ["    // The stack's tools. Give a process the label of its tool: label 'bwa'\n"]
    for tool, arn in sorted(definitions.items()):
        lines.append(f"    withLabel: {quoted(tool)} {{ container = {quoted(f'job-definition://{arn}')} }}\n")
    return "".join(lines)
