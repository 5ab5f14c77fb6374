#!/bin/bash
# Calls the variants of one sample with plain `aws batch submit-job`: FastQC, BWA, samtools, bcftools.
#
#   pipeline.sh OUTPUTS.json SAMPLE REFERENCE R1 R2 RESULTS
#
# OUTPUTS.json is written by `pulumi stack output --json`. The others are the sample's name and URIs in S3, of a gzipped FASTA, of two FASTQ
# files and of a folder without a slash at the end. Percent-encode white space in a URI.
set -euo pipefail

outputs=$1 sample=$2 reference=$3 r1=$4 r2=$5 results=$6
steps=$(dirname "$0")/../steps
jobs=()

output() { python3 -c 'import json, sys; value = json.load(open(sys.argv[1]))
for key in sys.argv[2:]: value = value[key]
print(value)' "$outputs" "$@"; }
AWS_REGION=$(output region)
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION
queue=$(output queue_arn)

# submit NAME TOOL VCPUS MIB AFTER INPUTS OUTPUTS [VARIABLE=VALUE]...: submits a step and puts the ID of its job into `submitted`.
# AFTER holds the IDs of the jobs that it waits for, INPUTS holds URIs, and OUTPUTS names of files that it publishes.
submit() {
  local name=$1 tool=$2 vcpus=$3 mib=$4 inputs=$6 files=$7 after
  read -ra after <<< "$5"
  shift 7
  # One word is a script, which `job` runs with bash. It copies JOB_INPUTS into the working folder and publishes JOB_OUTPUTS.
  submitted=$(aws batch submit-job --job-name "$sample-$name" --job-queue "$queue" \
    --job-definition "$(output engine_job_definition_arns "$tool")" \
    --depends-on "$(python3 -c 'import json, sys; print(json.dumps([{"jobId": each} for each in sys.argv[1:]]))' "${after[@]}")" \
    --container-overrides "$(python3 -c '
import json, sys
script, vcpus, mib, *variables = sys.argv[1:]
print(json.dumps({
    "command": [script],
    "resourceRequirements": [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": mib}],
    "environment": [dict(zip(("name", "value"), each.split("=", 1))) for each in variables],
}))' "set -euo pipefail
$(cat "$steps/${name%%-*}.sh")" "$vcpus" "$mib" "JOB_INPUTS=$inputs" "JOB_OUTPUTS=$files" "JOB_OUTPUT_PREFIX=$results/" \
      "JOB_MANIFEST=$results/$sample-$name.manifest.json" "$@")" --query jobId --output text)
  jobs+=("$submitted")
  echo "$submitted $sample-$name"
}

# The jobs run without this script, so end them if it is interrupted.
interrupted() {
  for each in "${jobs[@]}"; do aws batch terminate-job --job-id "$each" --reason "the script was interrupted"; done
  exit 130
}
trap interrupted INT TERM

# name URI: the name of the file in the job's working folder.
name() { python3 -c 'import sys, urllib.parse; print(urllib.parse.unquote(sys.argv[1].rsplit("/", 1)[1]))' "$1"; }

submit fastqc-R1 fastqc 1 1800 "" "$r1" "*_fastqc.html *_fastqc.zip" READS="$(name "$r1")"
submit fastqc-R2 fastqc 1 1800 "" "$r2" "*_fastqc.html *_fastqc.zip" READS="$(name "$r2")"
submit index bwa 1 1800 "" "$reference" "reference.fa reference.fa.*" REFERENCE="$(name "$reference")"
submit align bwa 2 3600 "$submitted" "$r1 $r2 $results/reference.fa $results/reference.fa.*" "$sample.bam $sample.bam.bai" \
  SAMPLE="$sample" R1="$(name "$r1")" R2="$(name "$r2")" THREADS=2
submit call bcftools 1 1800 "$submitted" "$results/$sample.bam $results/$sample.bam.bai $results/reference.fa $results/reference.fa.fai" \
  "$sample.vcf.gz $sample.vcf.gz.tbi" SAMPLE="$sample"

# DescribeJobs takes up to 100 jobs. A job whose predecessor failed fails too.
ended=()
while [ "${#ended[@]}" -lt "${#jobs[@]}" ]; do
  sleep 5
  # shellcheck disable=SC2016  # backticks of JMESPath
  mapfile -t ended < <(aws batch describe-jobs --jobs "${jobs[@]}" --output text \
    --query 'jobs[?status==`SUCCEEDED` || status==`FAILED`].[status, jobName, jobId, statusReason]')
done
printf '%s\n' "${ended[@]}"
if printf '%s\n' "${ended[@]}" | grep -q '^FAILED'; then
  echo "a job failed. Its log: biobatch logs ID" >&2
  exit 1
fi
echo "$results/$sample.vcf.gz"
