#!/bin/bash
# Calls the variants of one sample.
# SAMPLE. PLOIDY: 1 or 2.
set -euo pipefail

inputs=$TMPDIR/inputs
mkdir "$inputs"
mv -- "./$SAMPLE.bam" "$inputs/bam"
mv reference.fa* "$inputs"
reference=$inputs/reference.fa
mkdir "$SAMPLE" qc
vcf=$SAMPLE/$SAMPLE.vcf.gz

index=tbi
awk '$2 > 2^29 { long = 1 } END { exit !long }' "$reference.fai" && index=csi

# -L goes with -d: raised alone, -d leaves out every indel.
bcftools mpileup -Ou -f "$reference" -d 1000 -L 4000 -q 20 -a FORMAT/AD,FORMAT/DP "$inputs/bam" \
  | bcftools call -Ou -m -v --ploidy "$PLOIDY" \
  | bcftools norm -Ou -f "$reference" -m -any \
  | bcftools filter -s LowQual -e 'QUAL<20' -Oz "-W=$index" -o "$vcf"
bcftools stats -F "$reference" "$vcf" > "qc/$SAMPLE.bcftools_stats.txt"
grep '^SN' "qc/$SAMPLE.bcftools_stats.txt" | cut -f 3-
