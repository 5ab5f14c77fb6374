#!/bin/bash
# Checks the reads of one sample, aligns, sorts and indexes them with duplicates marked, and measures the result.
# SAMPLE. READS, MATES (unset: single-end or interleaved): the staged files' names. THREADS, SORT_MIB (a thread).
set -euo pipefail

# Out of the way of what is made here: a sample may have any name.
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
# bwa ends well on broken reads, and leaves the rest out without a word; samtools finds what is broken, but takes FASTA for reads.
for file in "${files[@]}"; do
  case $(plain "$file" | head -c 1 || true) in
    @ | "") ;;
    *) refuse "a file is not FASTQ, whose records begin with @" ;;
  esac
done
# Mates that end in .1 and .2, as fastq-dump -I has them: bwa would take interleaved ones for single reads. Reads that are only
# numbered, SRR1.1 SRR1.2 SRR1.3 SRR1.4, are none.
names() { plain "$inputs/$1" | head -n 16 | awk 'NR % 4 == 1 { print $1 }'; }
paste -d '\n' <(names R1) <([ -z "${MATES:-}" ] || names R2) | grep . | paste -s -d ' ' \
  | grep -qE '^(\S+)[._]1 \1[._]2 (\S+)[._]1 \2[._]2( |$)' \
  && refuse "mates' names end in .1 and .2, which makes no pair here. Mend each file: gzip -cdf FILE | sed -E '1~4s,^(\S+)[._]([12])\b,\1/\2,' | gzip > NEW"
check() {
  samtools import -u "${check[@]}" -o /dev/null || refuse "they are empty, not whole or not in pairs, see above"
}

# The usual index cannot hold positions beyond 512 Mb.
index=bai
awk '$2 > 2^29 { long = 1 } END { exit !long }' "$reference.fai" && index=csi

# -K makes the result independent of the number of threads. -p leaves bwa's word on which pairs lie as pairs do in this library: fixmate
# knows one orientation, and the caller passes over all reads of other pairs.
align() {
  bwa mem -v 2 -K 100000000 -Y -t "$THREADS" -R "@RG\tID:$SAMPLE\tSM:$SAMPLE\tLB:$SAMPLE\tPL:ILLUMINA" \
    "${smart[@]}" "$reference" "${files[@]}" \
    | samtools fixmate -u -p -m - - \
    | samtools sort -u -@ "$THREADS" -m "${SORT_MIB}M" -T "$TMPDIR/sort" - \
    | samtools markdup -@ "$THREADS" -T "$TMPDIR/markdup" --json -f "$qc.markdup.json" --write-index - "$bam##idx##$bam.$index"
}

# The check has one thread, and refuses while the alignment still runs: nothing of it is published then.
align &
check
wait $!

measures=()
for measure in flagstat idxstats stats coverage; do
  samtools "$measure" "$bam" > "$qc.${measure/coverage/samtools_coverage}.txt" &
  measures+=($!)
done
for measure in "${measures[@]}"; do wait "$measure"; done

# What the caller passes over without a word: reads whose mate lies elsewhere, reads that fit in several places, and duplicates.
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
    if (depth < 10) warn(sprintf("the mean depth is only %.1f: missing variants may be missing reads", depth))
    if (count["reads properly paired:"] < paired / 2)
      warn("most reads lie without their mates, and no variant is called from those. Are R1 and R2 of one run?")
    if (count["reads MQ0:"] > mapped / 2)
      warn("most reads fit elsewhere too, and no variant is called from those. Does the reference hold sequences twice?")
    if (count["reads duplicated:"] > mapped / 2)
      warn("most reads are duplicates, and no variant is called from those. Are they PCR amplicons?")
  }' "$qc.stats.txt" "$qc.samtools_coverage.txt" || refuse "no read came through"
