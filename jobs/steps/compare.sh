#!/bin/bash
# Compares the calls of one sample that passed the filter with known variants, by position and alleles.
# SAMPLE. TRUTH: the staged file's name, a VCF, gzipped or not, sorted or not, with contig lines or not.
set -euo pipefail

inputs=$TMPDIR/inputs
mkdir "$inputs"
mv -- "./$TRUTH" "$inputs/given"
mv -- "./$SAMPLE.vcf.gz" "$inputs/calls.vcf.gz"
mv reference.fa* "$inputs"
mkdir qc
work=$PWD
cd "$inputs"

if [ "$(head -c 2 given | od -An -tx1)" = " 1f 8b" ]; then gzip -dc < given; else cat given; fi > truth.vcf
[ "$(head -c 16 truth.vcf)" = "##fileformat=VCF" ] || { echo "truth refused: $TRUTH is no VCF" >&2; exit 1; }

# Alike in form on both sides: one allele a record, shortest and leftmost.
bcftools reheader -f reference.fa.fai truth.vcf \
  | bcftools sort -Ou -T "$TMPDIR/sort" \
  | bcftools norm -Ou -f reference.fa -m -any --atomize \
  | bcftools view -Oz -W=csi -o t.vcf.gz
bcftools view -f PASS,. -Ou calls.vcf.gz \
  | bcftools norm -Ou -f reference.fa -m -any --atomize \
  | bcftools view -Oz -W=csi -o c.vcf.gz

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
