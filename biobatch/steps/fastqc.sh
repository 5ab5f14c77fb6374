#!/bin/bash
# Makes the quality report of one file of reads.
#
# SAMPLE  name of the sample
# LANE    name of the lane; unset if the sample has one
# MATE    R1 or R2
# READS   name of the staged file
set -euo pipefail

# FastQC detects compression by the suffix of the name, and names its report after the file. Rename the user's file. MultiQC shows the name in the
# report. With spaces, it differs from the name of every sample: R1 of the sample a is "a R1", and there may be a sample a_R1.
name=$SAMPLE${LANE:+_$LANE}_$MATE
shown="$SAMPLE ${LANE:+$LANE }$MATE"
suffix=fastq
[ "$(head -c 2 -- "./$READS" | od -An -tx1)" != " 1f 8b" ] || suffix=fastq.gz
file=$TMPDIR/$shown.$suffix
mv -- "./$READS" "$file"
mkdir fastqc
log=$TMPDIR/log
status=0
fastqc --quiet --extract --outdir fastqc "$file" > "$log" 2>&1 || status=$?

fail() {
  echo "FastQC failed on $READS: $1" >&2
  exit "$((status ? status : 1))"
}
plain() { if [ "$suffix" = fastq ]; then cat "$file"; else gzip -dc "$file" 2> /dev/null; fi; }
heap=$(sed -n 's/.*ran out of memory.* \([0-9]*\) MiB$/\1/p' "$log")
if [ -n "$heap" ]; then
  # For each position of the longest read, FastQC holds counts of 1,200 bytes.
  longest=$(plain | awk 'NR % 4 == 2 && length($0) > most { most = length($0) } END { print most + 0 }')
  fail "it ran out of memory with a heap of $heap MiB. The longest read has $longest bases. Give it more: pulumi config set --path 'biobatch:tools.fastqc.memoryMib' $((1800 * (1 + (longest * 15 / 10000 + 2 * heap) / 1800)))"
fi
report=fastqc/${name}_fastqc
for made in "" .html .zip; do [ ! -e "fastqc/${shown}_fastqc$made" ] || mv "fastqc/${shown}_fastqc$made" "$report$made"; done
# FastQC may end with 0 after a failure.
for made in "$report.html" "$report.zip"; do
  [ "$status" = 0 ] && [ -s "$made" ] && continue
  reason=$(sed -n 's/^.*Exception: //p' "$log" | head -n 1)
  case $reason in Midline*) reason+=". FastQC reads only records of four lines" ;; esac
  fail "${reason:-it wrote no report. $(grep -v '^\s*at ' "$log" | tail -n 1)}"
done
cat "$report/summary.txt"
warnings=fastqc/$name.warnings.txt
: > "$warnings"
for verdict in FAIL WARN; do
  awk -F '\t' -v verdict="$verdict" '
    $1 == verdict { found = found (found ? ", " : "") $2 }
    END { if (found) print "FastQC " verdict ": " found }' "$report/summary.txt" >> "$warnings"
done
# A read ends in an adapter where its fragment is shorter. FastQC gives the percentage of reads in which an adapter began up to each position,
# and warns from 5 on. PolyA and PolyG are no adapters.
awk -F '\t' '
  /^>>/ { inside = /Adapter Content/; next }
  inside && /^#/ { for (i = 2; i <= NF; i++) name[i] = $i; next }
  inside { for (i = 2; i <= NF; i++) if ($i + 0 > most[i]) most[i] = $i + 0 }
  END {
    for (i = 2; i in name; i++) if (most[i] >= 5 && name[i] !~ /^Poly/) found = found (found ? ", " : "") sprintf("%.1f %% of the reads end in %s", most[i], name[i])
    if (found) print found ". The alignment leaves adapters out, so you need not trim the reads. It has fewer bases than the reads"
  }' "$report/fastqc_data.txt" >> "$warnings"
# FastQC takes letters for an old encoding if none is low. That is right only if they mean a quality that reads have in that encoding.
encoding=$(grep '^Encoding' "$report/fastqc_data.txt" | cut -f 2)
if [[ $encoding != Sanger* ]] && awk -F '\t' '
  /^>>/ { inside = /Per sequence quality scores/ }
  inside && /^[0-9]/ { sum += $1 * $2; reads += $2 }
  END { exit !(reads && sum / reads >= 15 && sum / reads <= 41) }' "$report/fastqc_data.txt"; then
  echo "the quality letters look like $encoding, but the other steps read them as Sanger / Illumina 1.9. That is right only if every base has high quality" >> "$warnings"
fi
# A bgzip file ends with an empty block, so that a cut between two blocks shows. bcl2fastq omits that block from complete files too.
hex() { od -An -v -tx1 | tr -d ' \n'; }
empty_block=1f8b08040000000000ff0600424302001b0003000000000000000000
if [[ $(head -c 14 "$file" | hex) == 1f8b0804????????????????4243 && $(tail -c 28 "$file" | hex) != "$empty_block" ]]; then
  echo "the empty block that ends a bgzip file is missing. Unless bcl2fastq wrote the file, it was cut off" >> "$warnings"
fi
sed 's/^/warning: /' "$warnings"
