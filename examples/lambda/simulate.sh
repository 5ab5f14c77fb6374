#!/bin/bash
# Makes reads of a mutated genome, and the truth: the variants that were planted in it.
# REFERENCE: the staged file's name, a gzipped FASTA of upper-case letters. SAMPLE. SEED: 1 or more (0 is the clock to wgsim).
set -euo pipefail

gzip -dc "./$REFERENCE" > "$TMPDIR/reference.fa"
# Haploid, since a phage is; the rate plants enough for one error to be less than 1 %; the quality is one that FastQC passes.
wgsim -S "$SEED" -h -e 0.001 -r 0.01 -R 0.02 -X 0.3 -d 400 -s 50 -N 10000 -1 150 -2 150 \
  "$TMPDIR/reference.fa" "${SAMPLE}_R1.fastq" "${SAMPLE}_R2.fastq" > "$TMPDIR/planted.txt"
gzip -n "${SAMPLE}_R1.fastq" "${SAMPLE}_R2.fastq"

# wgsim's list to VCF. Its insertions follow their position; an indel takes the base before it along, at the start the one behind.
LC_ALL=C awk -v sample="$SAMPLE" '
  NR == FNR && /^>/ { name = substr($1, 2); next }
  NR == FNR { sequence[name] = sequence[name] $0; next }
  FNR == 1 {
    print "##fileformat=VCFv4.2"
    print "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
  }
  {
    position = $2; reference = $3; alternative = $4
    if (reference == "-") {
      reference = substr(sequence[$1], position, 1)
      alternative = reference alternative
    } else if (alternative == "-" && position > 1) {
      position--
      alternative = substr(sequence[$1], position, 1)
      reference = alternative reference
    } else if (alternative == "-") {
      alternative = substr(sequence[$1], 1 + length(reference), 1)
      reference = reference alternative
    }
    print $1 "\t" position "\t.\t" reference "\t" alternative "\t.\tPASS\t."
  }' "$TMPDIR/reference.fa" "$TMPDIR/planted.txt" > "$SAMPLE.truth.vcf"
