#!/bin/bash
# Quality report of one file of reads.
# SAMPLE, MATE (R1 or R2): what the report is named after. READS: the staged file's name.
set -euo pipefail

# FastQC tells compression by the name's end, and writes its report under the name: both are ours, whatever the user's is.
name=${SAMPLE}_$MATE
suffix=fastq
[ "$(head -c 2 -- "./$READS" | od -An -tx1)" != " 1f 8b" ] || suffix=fastq.gz
mv -- "./$READS" "$TMPDIR/$name.$suffix"
mkdir fastqc
fastqc --quiet --extract --outdir fastqc "$TMPDIR/$name.$suffix"

# Its exit code cannot be trusted.
report=fastqc/${name}_fastqc
for file in "$report.html" "$report.zip"; do
  [ -s "$file" ] || { echo "FastQC made no $file" >&2; exit 1; }
done
cat "$report/summary.txt"
warnings=fastqc/$name.warnings.txt
: > "$warnings"
for verdict in FAIL WARN; do
  awk -F '\t' -v verdict="$verdict" '
    $1 == verdict { found = found (found ? ", " : "") $2 }
    END { if (found) print "FastQC " verdict ": " found }' "$report/summary.txt" >> "$warnings"
done
encoding=$(grep '^Encoding' "$report/fastqc_data.txt" | cut -f 2)
case $encoding in
  Sanger*) ;;
  *) echo "the quality letters look like $encoding, and the other steps take them for Sanger / Illumina 1.9: right only if every base is of high quality" >> "$warnings" ;;
esac
sed 's/^/warning: /' "$warnings"
