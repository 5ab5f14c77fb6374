#!/bin/bash
# Compares the variants of one sample that passed the filter with known variants, by position and alleles.
#
# SAMPLE  name of the sample
# TRUTH   name of the staged VCF, gzipped or not, sorted or not, with contig lines or without
set -euo pipefail

inputs=$TMPDIR/inputs
mkdir "$inputs"
mv -- "./$TRUTH" "$inputs/given"
mv -- "./$SAMPLE.vcf.gz" "$inputs/calls.vcf.gz"
mv reference.fa* "$inputs"
mkdir qc
work=$PWD
cd "$inputs"

refuse() {
  echo "truth refused ($TRUTH): $1" >&2
  exit 1
}
if [ "$(head -c 2 given | od -An -tx1)" = " 1f 8b" ]; then gzip -dc < given; else cat given; fi > truth.vcf
[ "$(head -c 16 truth.vcf)" = "##fileformat=VCF" ] || refuse "it is not a VCF"
strange=$(awk -F '\t' 'NR == FNR { known[$1]; next } !/^#/ && !($1 in known) { print $1; exit }' reference.fa.fai truth.vcf)
[ -z "$strange" ] || refuse "it has variants on $strange, and the reference has no such contig. Do both use the same names (chr1 or 1)?"

# Normalizes variants so that both sides can be compared. Keeps those that passed the filter and that the sample carries, one allele in
# each record, shortest and leftmost, without repeats.
normalize() {
  genotypes=()
  if [ -n "$(bcftools query -l "$1")" ] && bcftools view -h "$1" | grep '^##FORMAT=<ID=GT,' > /dev/null; then
    genotypes=(-i 'GT="alt"')
  fi
  bcftools norm -Ou -f reference.fa -m -any --atomize "$1" \
    | bcftools view -Ou -f PASS,. "${genotypes[@]}" \
    | bcftools norm -Ou -d exact \
    | bcftools view -Oz -W=csi -o "$2"
}
bcftools reheader -f reference.fa.fai truth.vcf | bcftools sort -Ob -T "$TMPDIR/sort" -o truth.bcf
normalize truth.bcf t.vcf.gz || refuse "see above"
normalize calls.vcf.gz c.vcf.gz

count() {
  bcftools isec -p "$1" -i "TYPE=\"$2\"" t.vcf.gz c.vcf.gz
  for file in 0002 0001 0000; do grep -vc '^#' "$1/$file.vcf" || true; done | paste -s -d ' '
}
count substitutions snp > counts
count indels indel >> counts
awk -v sample="$SAMPLE" '
  function share(part, whole) { return whole ? sprintf("%.6f", part / whole) : "null" }
  {
    text[NR] = sprintf("{\"found\": %d, \"false\": %d, \"missed\": %d, \"precision\": %s, \"recall\": %s}",
      $1, $2, $3, share($1, $1 + $2), share($1, $1 + $3))
    called += $1 + $2
    known += $1 + $3
  }
  END {
    printf "{\n  \"sample\": \"%s\",\n  \"substitutions\": %s,\n  \"indels\": %s\n}\n", sample, text[1], text[2]
    if (known && !called) exit 1
  }' counts > "$work/qc/$SAMPLE.truth.json" || { echo "no variant was called where $TRUTH has some" >&2; exit 1; }
cat "$work/qc/$SAMPLE.truth.json"
