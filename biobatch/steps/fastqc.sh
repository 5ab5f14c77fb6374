#!/bin/bash
# Makes the quality report of one file of reads.
#
# SAMPLE  name of the sample
# MATE    R1 or R2
# READS   name of the staged file
set -euo pipefail

# FastQC detects compression by the suffix of the name, and names its report after the file. Rename the user's file.
name=${SAMPLE}_$MATE
suffix=fastq
[ "$(head -c 2 -- "./$READS" | od -An -tx1)" != " 1f 8b" ] || suffix=fastq.gz
file=$TMPDIR/$name.$suffix
mv -- "./$READS" "$file"
mkdir fastqc
fastqc --quiet --extract --outdir fastqc "$file"

# FastQC may end with 0 after a failure.
report=fastqc/${name}_fastqc
for made in "$report.html" "$report.zip"; do
  [ -s "$made" ] || { echo "FastQC did not write $made" >&2; exit 1; }
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
  *) echo "the quality letters look like $encoding, but the other steps read them as Sanger / Illumina 1.9. That is right only if every base has high quality" >> "$warnings" ;;
esac
# A bgzip file ends with an empty block, so that a cut between two blocks shows. bcl2fastq omits that block from complete files too.
hex() { od -An -v -tx1 | tr -d ' \n'; }
empty_block=1f8b08040000000000ff0600424302001b0003000000000000000000
if [[ $(head -c 14 "$file" | hex) == 1f8b0804????????????????4243 && $(tail -c 28 "$file" | hex) != "$empty_block" ]]; then
  echo "the empty block that ends a bgzip file is missing. Unless bcl2fastq wrote the file, it was cut off" >> "$warnings"
fi
sed 's/^/warning: /' "$warnings"
