#!/bin/bash
# Compares the samples of a haploid cohort: distances of all pairs, and the core alignment.
#
# MIN_CALLABLE  percentage of the bases below which a sample is left out, if it has fewer callable
# MIN_SHARE     percentage of the samples that must know a base of the core
set -euo pipefail

command -v cohort-distances > /dev/null || { echo "the images are older than this client. Update the stack: pulumi up" >&2; exit 1; }

# Move the inputs away from the outputs.
inputs=$TMPDIR/inputs
mkdir "$inputs" cohort qc
mv -- *.vcf.gz *.callable.bed.gz *.variants.json reference.fa "$inputs"
# All samples have the same bases in which variants were called.
bases=$(cat "$inputs"/*.variants.json | sed -n 's/^ *"reference_bases": \([0-9]*\),$/\1/p' | head -n 1)
readarray -d '' -t names < <(find "$inputs" -name '*.vcf.gz' -printf '%f\0' | sed -z 's/\.vcf\.gz$//' | LC_ALL=C sort -z)
cohort-distances -reference "$inputs/reference.fa" -inputs "$inputs" -outputs cohort -bases "${bases:-0}" \
  -warnings qc/cohort.distances_warnings.txt -least-callable "$MIN_CALLABLE" -least-share "$MIN_SHARE" "${names[@]}"
