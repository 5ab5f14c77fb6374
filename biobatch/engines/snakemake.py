"""Snakemake's settings for a stack."""

from __future__ import annotations

import json

from biobatch.engines.nextflow import comment
from biobatch.stack_outputs import StackOutputs

#: The name of the tool in docs/how-to/engines/snakemake.md.
TOOL = "snakemake"


def profile(stack: StackOutputs, tool: str = TOOL) -> str:
    """The text of a profile's config.yaml.

    Args:
        stack: the stack's outputs.
        tool: the tool whose image has Snakemake.

    Raises:
        Refused: if the stack has no such tool.
    """
    definition = stack.engine_definition(tool, "docs/how-to/engines/snakemake.md")

    def value(text: str) -> str:
        # Each JSON string is also a YAML string.
        return json.dumps(text)

    return f"""\
# Snakemake on the Biobatch stack of the bucket {comment(stack.bucket)}. Written by: biobatch engines snakemake
# Use it:
#   mkdir profile && biobatch engines snakemake > profile/config.yaml
#   snakemake --profile profile
# Credentials need the stack's policy submit_policy_arn, and nothing else.
#
# It needs the Snakemake of the job's image, its S3 plugin, and the executor `biobatch`, from Biobatch's folder:
#   pip install snakemake==9.27.1 snakemake-storage-plugin-s3==0.3.6 examples/engines/snakemake/image/executor
# Snakemake's own executor `aws-batch` cannot be used. Its release 0.2.1 registers definitions with privileges, which the stack refuses.
executor: biobatch
jobs: 100
biobatch-region: {value(stack.region)}
# The job definition retries interrupted jobs. AWS never interrupts jobs of the On-Demand queue, which costs more:
#   biobatch-job-queue: {value(stack.on_demand_queue_arn)}
biobatch-job-queue: {value(stack.queue_arn)}
biobatch-job-definition: {value(definition)}
# Inputs and outputs of the rules, and the archive of the workflow's sources. Only Snakemake deletes there.
default-storage-provider: s3
default-storage-prefix: {value(f"{stack.engines_folder}/snakemake")}
storage-s3-region: {value(stack.region)}
# Memory of a rule that asks for none, in MB. A job has the vCPUs of a rule's `threads`.
default-resources:
  mem_mb: 1800
seconds-between-status-checks: 10
# Batch already retries interrupted jobs. Let Snakemake retry rules that ask for more memory by attempt:
#   resources: mem_mb=lambda wildcards, attempt: 4000 * attempt
retries: 0
"""
