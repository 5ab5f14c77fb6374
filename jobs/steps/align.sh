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
first() {
  if [ "$(head -c 2 "$1" | od -An -tx1)" = " 1f 8b" ]; then gzip -dc < "$1" 2> /dev/null | head -c 1; else head -c 1 "$1"; fi
}
# bwa ends well on broken reads, and leaves the rest out without a word; samtools finds what is broken, but takes FASTA for reads.
for file in "${files[@]}"; do
  case $(first "$file" || true) in
    @ | "") ;;
    *) refuse "a file is not FASTQ, whose records begin with @" ;;
  esac
done
check() {
  samtools import -u "${check[@]}" -o /dev/null || refuse "they are empty, not whole or not in pairs, see above"
}

# The usual index cannot hold positions beyond 512 Mb.
index=bai
awk '$2 > 2^29 { long = 1 } END { exit !long }' "$reference.fai" && index=csi

# -K makes the result independent of the number of threads.
align() {
  bwa mem -v 2 -K 100000000 -Y -t "$THREADS" -R "@RG\tID:$SAMPLE\tSM:$SAMPLE\tLB:$SAMPLE\tPL:ILLUMINA" \
    "${smart[@]}" "$reference" "${files[@]}" \
    | samtools fixmate -u -m - - \
    | samtools sort -u -@ "$THREADS" -m "${SORT_MIB}M" -T "$TMPDIR/sort" - \
    | samtools markdup -@ "$THREADS" -T "$TMPDIR/markdup" --json -f "$qc.markdup.json" --write-index - "$bam##idx##$bam.$index"
}

# The check has one thread, and refuses while the alignment still runs: nothing of it is published then.
align &
check
wait $!

samtools flagstat "$bam" > "$qc.flagstat.txt" &
measures=($!)
samtools idxstats "$bam" > "$qc.idxstats.txt" &
measures+=($!)
samtools coverage "$bam" > "$qc.samtools_coverage.txt" &
measures+=($!)
samtools stats "$bam" > "$qc.stats.txt" &
measures+=($!)
for measure in "${measures[@]}"; do wait "$measure"; done

awk '/ primary$/ { reads = $1 } / primary mapped / { mapped = $1 }
  END {
    if (!reads) exit 1
    share = 100 * mapped / reads
    printf "%d reads, %.2f%% mapped\n", reads, share
    if (share < 90) printf "warning: only %.2f%% of the reads map to the reference\n", share
  }' "$qc.flagstat.txt" || refuse "no read came through"
awk 'NR > 1 { bases += $3; depth += $3 * $7 }
  END {
    printf "mean depth %.1f\n", depth / bases
    if (depth / bases < 10) printf "warning: the mean depth is only %.1f: missing variants may be missing reads\n", depth / bases
  }' "$qc.samtools_coverage.txt"
