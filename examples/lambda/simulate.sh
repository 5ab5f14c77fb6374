#!/bin/bash
# Simulates reads of a mutated genome, and writes the truth: a VCF of the variants that were planted.
# REFERENCE: name of the staged file, a gzipped FASTA in upper case. SAMPLE: the sample's name. SEED: 1 or more (wgsim takes 0 for
# the clock).
set -euo pipefail

gzip -dc "./$REFERENCE" > "$TMPDIR/reference.fa"
# The genome is haploid, as a phage's is. The mutation rate plants so many variants that one error is less than 1 %. FastQC accepts the
# quality.
wgsim -S "$SEED" -h -e 0.001 -r 0.01 -R 0.02 -X 0.3 -d 400 -s 50 -N 10000 -1 150 -2 150 \
  "$TMPDIR/reference.fa" "${SAMPLE}_R1.fastq" "${SAMPLE}_R2.fastq" > "$TMPDIR/planted.txt"
gzip -n "${SAMPLE}_R1.fastq" "${SAMPLE}_R2.fastq"

# Convert wgsim's list to VCF. wgsim's insertions follow their position. In VCF an indel includes the base before it, or the base after
# it at the start of a contig.
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
