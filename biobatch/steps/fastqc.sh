#!/bin/bash
# Quality report of one file of reads.
# SAMPLE, MATE (R1 or R2): what the report is named after. READS: the staged file's name.
set -euo pipefail

# FastQC tells compression by the name's end, and writes its report under the name: both are ours, whatever the user's is.
name=${SAMPLE}_$MATE
suffix=fastq
[ "$(head -c 2 -- "./$READS" | od -An -tx1)" != " 1f 8b" ] || suffix=fastq.gz
file=$TMPDIR/$name.$suffix
mv -- "./$READS" "$file"
mkdir fastqc
fastqc --quiet --extract --outdir fastqc "$file"

# Its exit code cannot be trusted.
report=fastqc/${name}_fastqc
for made in "$report.html" "$report.zip"; do
  [ -s "$made" ] || { echo "FastQC made no $made" >&2; exit 1; }
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
# The blocks of bgzip end with an empty one, so that a cut between two blocks shows. bcl2fastq leaves it out of whole files too.
hex() { od -An -v -tx1 | tr -d ' \n'; }
empty_block=1f8b08040000000000ff0600424302001b0003000000000000000000
if [[ $(head -c 14 "$file" | hex) == 1f8b0804????????????????4243 && $(tail -c 28 "$file" | hex) != "$empty_block" ]]; then
  echo "the empty block that ends a bgzip file is missing: the file was cut off, unless bcl2fastq wrote it" >> "$warnings"
fi
sed 's/^/warning: /' "$warnings"
