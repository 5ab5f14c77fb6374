#!/bin/bash
# Compares the variants of one sample that passed the filter with known variants, by the sequences that they make. compare-haplotypes
# (images/base/haplotypes) describes the rule.
#
# SAMPLE        name of the sample
# TRUTH         name of the staged VCF, gzipped or not, sorted or not, with contig lines or without
# PLOIDY        1 or 2. With 1, the genotypes do not count
# TRUTH_SAMPLE  name of the column of the truth that counts. May be unset: the only column, or the one with the sample's name
# CONFIDENT     name of a staged BED, gzipped or not, of the places in which variants count. May be unset: everywhere
set -euo pipefail

command -v compare-haplotypes > /dev/null || { echo "the images are older than this client. Update the stack: pulumi up" >&2; exit 1; }

inputs=$TMPDIR/inputs
mkdir "$inputs" qc
mv reference.fa* "$inputs"

# unpack WHAT NAME TARGET
unpack() {
  if [ "$(head -c 2 -- "./$2" | od -An -tx1)" = " 1f 8b" ]; then
    gzip -dc < "./$2" > "$inputs/$3" || { echo "$1 refused ($2): gzip cannot read it to its end, see above" >&2; exit 1; }
  else
    mv -- "./$2" "$inputs/$3"
  fi
}
unpack calls "$SAMPLE.vcf.gz" calls.vcf
unpack truth "$TRUTH" truth.vcf
options=()
if [ -n "${TRUTH_SAMPLE:-}" ]; then options+=(-truth-sample "$TRUTH_SAMPLE"); fi
if [ -n "${CONFIDENT:-}" ]; then
  unpack "confident regions" "$CONFIDENT" confident.bed
  options+=(-confident "$inputs/confident.bed" -confident-name "$CONFIDENT")
fi

compare-haplotypes -sample "$SAMPLE" -ploidy "$PLOIDY" -reference "$inputs/reference.fa" -calls "$inputs/calls.vcf" \
  -truth "$inputs/truth.vcf" -truth-name "$TRUTH" "${options[@]}" -list "qc/$SAMPLE.truth.tsv" > "qc/$SAMPLE.truth.json"
cat "qc/$SAMPLE.truth.json"
