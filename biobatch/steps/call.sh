#!/bin/bash
# Calls the variants of one sample, region by region.
#
# SAMPLE        name of the sample
# PLOIDY        1 or 2
# THREADS       number of regions that are called in parallel
# REGION_BASES  largest size of a region, in bases; a contig longer than 64 of these has 64 larger regions
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
# Use this index only. One of the other kind belongs to an earlier reference, and htslib would prefer it.
mv -- "./$SAMPLE.bam.$bam_index" "$inputs/bam.$bam_index"

# Cut the genome into regions. Short contigs share a region. The regions do not depend on THREADS, so the result does not either. A contig
# has 64 regions at most, because mpileup reads the whole contig for each region. Calls within 1,000 bases of a cut depend on the reads
# beyond it, so each region is called with 1,000 more bases on either side (.wide).
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
  # Raise -L together with -d. With -d alone, mpileup skips every indel.
  bcftools mpileup --no-version -Ou -f "$reference" -R "$1.wide.bed" -d 1000 -L 4000 -q 20 -a FORMAT/AD,FORMAT/DP "$inputs/bam" \
    | bcftools call --no-version -Ou -m -v --ploidy "$PLOIDY" \
    | bcftools view --no-version -Ob -T "$1.bed" -o "$1.bcf"
}
export -f call
export inputs reference
# All regions log the same lines, so print them once. The exit code 255 makes xargs stop.
# shellcheck disable=SC2016  # bash -c expands it
find "$regions" -name '*.wide.bed' -print0 | sed -z 's/\.wide\.bed$//' | sort -z \
  | xargs -0 -n 1 -P "$THREADS" bash -euo pipefail -c 'call "$0" 2> "$0.log" || { cat "$0.log" >&2; exit 255; }' \
  || { echo "a region of the genome could not be called (see above)" >&2; exit 1; }
find "$regions" -name '*.log' -exec cat {} + | sort -u >&2

find "$regions" -name '*.bcf' | sort > "$regions/called"
bcftools concat --naive -v 0 -f "$regions/called" \
  | bcftools norm -Ou -f "$reference" -m -any \
  | bcftools filter -s LowQual -e 'QUAL<20' -Oz "-W=$index" -o "$vcf"
bcftools stats -F "$reference" "$vcf" > "qc/$SAMPLE.bcftools_stats.txt"
grep '^SN' "qc/$SAMPLE.bcftools_stats.txt" | cut -f 3-
