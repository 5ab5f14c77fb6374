#!/bin/bash
# Checks the reads of one sample, aligns them, marks duplicates, sorts and indexes the result, and measures it.
#
# SAMPLE    name of the sample
# READS     name of the staged file with the reads, or with the first mates
# MATES     name of the staged file with the second mates; unset for single-end or interleaved reads
# THREADS   threads of each tool
# SORT_MIB  memory for sorting, in MiB for each thread
set -euo pipefail

# Move the inputs away from the outputs, because a sample may have any name.
inputs=$TMPDIR/inputs
mkdir "$inputs"
mv -- "./$READS" "$inputs/R1"
if [ -n "${MATES:-}" ]; then
  mv -- "./$MATES" "$inputs/R2"
  check=(-1 "$inputs/R1" -2 "$inputs/R2")
  files=("$inputs/R1" "$inputs/R2")
  smart=()
else
  check=(-s "$inputs/R1")
  files=("$inputs/R1")
  smart=(-p)
fi
reference=$inputs/reference.fa
mv reference.fa* "$inputs"
mkdir "$SAMPLE" qc
bam=$SAMPLE/$SAMPLE.bam
qc=qc/$SAMPLE

refuse() {
  echo "reads of $SAMPLE refused ($READS${MATES:+ and $MATES}): $1" >&2
  exit 1
}
plain() {
  if [ "$(head -c 2 "$1" | od -An -tx1)" = " 1f 8b" ]; then gzip -dc < "$1" 2> /dev/null; else cat "$1"; fi
}
# bwa ends with 0 on damaged reads and skips the rest silently. samtools detects the damage, but accepts FASTA as reads.
for file in "${files[@]}"; do
  case $(plain "$file" | head -c 1 || true) in
    @ | "") ;;
    *) refuse "a file is not FASTQ, in which each record begins with @" ;;
  esac
done
# Refuse mates whose names end in .1 and .2, as fastq-dump -I writes them. If they are interleaved, bwa would treat them as single reads.
# Reads that are only numbered (SRR1.1 SRR1.2 SRR1.3 SRR1.4) are accepted.
names() { plain "$inputs/$1" | head -n 16 | awk 'NR % 4 == 1 { print $1 }'; }
paste -d '\n' <(names R1) <([ -z "${MATES:-}" ] || names R2) | grep . | paste -s -d ' ' \
  | grep -qE '^(\S+)[._]1 \1[._]2 (\S+)[._]1 \2[._]2( |$)' \
  && refuse "mates' names end in .1 and .2, which the aligner does not pair. Rename them in each file: gzip -cdf FILE | sed -E '1~4s,^(\S+)[._]([12])\b,\1/\2,' | gzip > NEW"
check() {
  samtools import -u "${check[@]}" -o /dev/null || refuse "they are empty, not whole or not in pairs (see above)"
}

# A .bai index cannot hold positions beyond 512 Mb.
index=bai
awk '$2 > 2^29 { long = 1 } END { exit !long }' "$reference.fai" && index=csi

# -K makes the result independent of the number of threads. -p keeps bwa's "proper pair" flag. fixmate would set it for one orientation
# only, and the caller ignores the reads of all other pairs.
align() {
  bwa mem -v 2 -K 100000000 -Y -t "$THREADS" -R "@RG\tID:$SAMPLE\tSM:$SAMPLE\tLB:$SAMPLE\tPL:ILLUMINA" \
    "${smart[@]}" "$reference" "${files[@]}" \
    | samtools fixmate -u -p -m - - \
    | samtools sort -u -@ "$THREADS" -m "${SORT_MIB}M" -T "$TMPDIR/sort" - \
    | samtools markdup -@ "$THREADS" -T "$TMPDIR/markdup" --json -f "$qc.markdup.json" --write-index - "$bam##idx##$bam.$index"
}

# The check has one thread. It may fail while the alignment still runs, and then nothing is published.
align &
check
wait $!

measures=()
for measure in flagstat idxstats stats coverage; do
  samtools "$measure" "$bam" > "$qc.${measure/coverage/samtools_coverage}.txt" &
  measures+=($!)
done
for measure in "${measures[@]}"; do wait "$measure"; done

# Warn of reads that the caller ignores silently: reads without their mate nearby, reads that map to several places, and duplicates.
awk -F '\t' -v warnings="$qc.warnings.txt" '
  function warn(text) {
    print "warning: " text
    print text > warnings
  }
  BEGIN { printf "" > warnings }
  NR == FNR {
    if ($1 == "SN") count[$2] = $3
    next
  }
  FNR > 1 { bases += $3; depth += $3 * $7 }
  END {
    reads = count["raw total sequences:"]
    mapped = count["reads mapped:"]
    paired = count["reads paired:"]
    if (!reads) exit 1
    depth /= bases
    share = 100 * mapped / reads
    printf "%d reads, %s, %.2f%% mapped, mean depth %.1f\n", reads, paired ? paired / 2 " pairs" : "single-end", share, depth
    if (share < 90) warn(sprintf("only %.2f%% of the reads map to the reference", share))
    if (depth < 10) warn(sprintf("the mean depth is only %.1f, so variants may be missed", depth))
    if (count["reads properly paired:"] < paired / 2)
      warn("most reads do not map in proper pairs, and no variant is called from those. Are R1 and R2 of one run?")
    if (count["reads MQ0:"] > mapped / 2)
      warn("most reads map to several places, and no variant is called from those. Does the reference contain sequences twice?")
    if (count["reads duplicated:"] > mapped / 2)
      warn("most reads are duplicates, and no variant is called from those. Are they PCR amplicons?")
  }' "$qc.stats.txt" "$qc.samtools_coverage.txt" || refuse "the alignment has no reads"
