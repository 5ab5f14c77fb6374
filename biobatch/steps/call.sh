#!/bin/bash
# Calls the variants of one sample, region by region.
# SAMPLE. PLOIDY: 1 or 2. THREADS: regions called side by side. REGION_BASES: of a region, at most, but for contigs of more than 64.
set -euo pipefail

inputs=$TMPDIR/inputs
regions=$TMPDIR/regions
mkdir "$inputs" "$regions"
mv -- "./$SAMPLE.bam" "$inputs/bam"
mv reference.fa reference.fa.fai "$inputs"
reference=$inputs/reference.fa
mkdir "$SAMPLE" qc
vcf=$SAMPLE/$SAMPLE.vcf.gz

index=tbi
bam_index=bai
awk '$2 > 2^29 { long = 1 } END { exit !long }' "$reference.fai" && index=csi bam_index=csi
# Only this one: an index of the other kind is of an earlier reference, and htslib would prefer it.
mv -- "./$SAMPLE.bam.$bam_index" "$inputs/bam.$bam_index"

# The regions, of short contigs several to each, are the same whatever THREADS is, and so is the result. A contig has 64 at most, since
# mpileup reads a whole one for each. What is called within 1,000 bases of a cut depends on the reads beyond: each region is called
# with so much more on either side (.wide).
awk -F '\t' -v OFS='\t' -v size="$REGION_BASES" -v pad=1000 -v folder="$regions" 'NR == FNR {
  if ($2 > 64 * size) size = $2 / 64
  next
}
{
  pieces = int(($2 + size - 1) / size)
  for (i = 0; i < pieces; i++) {
    from = int($2 * i / pieces)
    to = int($2 * (i + 1) / pieces)
    if (!count || held + to - from > size) {
      close(file ".bed")
      close(file ".wide.bed")
      file = sprintf("%s/%06d", folder, ++count)
      held = 0
    }
    held += to - from
    print $1, from, to > file ".bed"
    print $1, (from > pad ? from - pad : 0), (to + pad < $2 ? to + pad : $2) > file ".wide.bed"
  }
}' "$reference.fai" "$reference.fai"

call() {
  # -L goes with -d: raised alone, -d leaves out every indel.
  bcftools mpileup --no-version -Ou -f "$reference" -R "$1.wide.bed" -d 1000 -L 4000 -q 20 -a FORMAT/AD,FORMAT/DP "$inputs/bam" \
    | bcftools call --no-version -Ou -m -v --ploidy "$PLOIDY" \
    | bcftools view --no-version -Ob -T "$1.bed" -o "$1.bcf"
}
export -f call
export inputs reference
# All of them say the same, so it is said once; 255 ends the others.
# shellcheck disable=SC2016  # bash -c expands it
find "$regions" -name '*.wide.bed' -print0 | sed -z 's/\.wide\.bed$//' | sort -z \
  | xargs -0 -n 1 -P "$THREADS" bash -euo pipefail -c 'call "$0" 2> "$0.log" || { cat "$0.log" >&2; exit 255; }' \
  || { echo "a region of the genome could not be called, see above" >&2; exit 1; }
find "$regions" -name '*.log' -exec cat {} + | sort -u >&2

find "$regions" -name '*.bcf' | sort > "$regions/called"
bcftools concat --naive -v 0 -f "$regions/called" \
  | bcftools norm -Ou -f "$reference" -m -any \
  | bcftools filter -s LowQual -e 'QUAL<20' -Oz "-W=$index" -o "$vcf"
bcftools stats -F "$reference" "$vcf" > "qc/$SAMPLE.bcftools_stats.txt"
grep '^SN' "qc/$SAMPLE.bcftools_stats.txt" | cut -f 3-
