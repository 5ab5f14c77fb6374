#!/bin/bash
# Checks the reads of one sample, aligns them, marks duplicates, sorts and indexes the result, and measures it.
#
# SAMPLE           name of the sample
# READS            name of the staged file with the reads, or with the first mates; of several lanes, a line for each
# MATES            name of the staged file with the second mates; empty or unset for single-end or interleaved reads; a line for each lane
# LANES            names of the lanes, a line for each; unset if there is one
# THREADS          threads of each tool
# SORT_MIB         memory for sorting, in MiB for each thread
# PLATFORM         illumina, or ont or hifi for long reads
# ALIGNMENT        bam or cram
# KEEP_DUPLICATES  1 if variants are called from duplicates too, else unset
# PRIMERS          name of the staged BED file of amplicon primers to clip, or unset
set -euo pipefail

command -v check-reads > /dev/null || { echo "the images are older than this client. Update the stack: pulumi up" >&2; exit 1; }

# Move the inputs away from the outputs, because a sample may have any name. The tools write their arguments into the header of the
# alignment, so give them relative paths.
inputs=$TMPDIR/inputs
mkdir "$inputs"
first=("$READS") second=("${MATES:-}") lanes=("")
if [ -n "${LANES:-}" ]; then
  readarray -t first <<< "$READS"
  readarray -t second <<< "${MATES:-}"
  readarray -t lanes <<< "$LANES"
fi
for lane in "${!lanes[@]}"; do
  file=$inputs/${lanes[lane]:+${lanes[lane]}.}
  mv -- "./${first[lane]}" "${file}R1"
  [ -z "${second[lane]:-}" ] || mv -- "./${second[lane]}" "${file}R2"
done
mv reference.fa* "$inputs"
temporary=$(realpath --relative-to . "$TMPDIR")
log=$TMPDIR/log
why=$TMPDIR/why
mkdir "$SAMPLE" qc
aligned=$SAMPLE/$SAMPLE.$ALIGNMENT
qc=qc/$SAMPLE
# htslib would look for the sequences of a CRAM on the internet.
export REF_PATH=$inputs

# refuse REASON [LANE]: ends the step. Without the number of a lane, the reason is about all reads.
refuse() {
  local lane=${2:-0} what
  what="${lanes[lane]:+lane ${lanes[lane]}: }${first[lane]}${second[lane]:+ and ${second[lane]}}"
  [ $# -gt 1 ] || [ ${#lanes[@]} = 1 ] || what="lanes ${lanes[*]}"
  echo "reads of $SAMPLE refused ($what): $1" >&2
  exit 1
}

# A .bai index cannot hold positions beyond 512 Mb.
index=bai
awk '$2 > 2^29 { long = 1 } END { exit !long }' "$inputs/reference.fa.fai" && index=csi
output=(-O "$ALIGNMENT")
if [ "$ALIGNMENT" = cram ]; then
  index=crai
  output+=(--reference "$temporary/inputs/reference.fa")
fi
output+=(--write-index)
written="$aligned##idx##$aligned.$index"

# clipped COMMAND: runs a command on the alignment from the standard input, after the primers were clipped if there are any.
clipped() { "$@"; }
if [ -n "${PRIMERS:-}" ]; then
  gzip -cdf -- "./$PRIMERS" | awk -v OFS='\t' -v why="$why" '
    function fault(text) {
      print text > why
      failed = 1
      exit 1
    }
    NR == FNR { size[$1] = $2; next }
    { sub(/\r$/, "") }
    /^#|^track|^browser/ || !NF { next }
    !($1 in size) { fault("line " FNR ": the reference has no contig " $1) }
    $2 !~ /^[0-9]+$/ || $3 !~ /^[0-9]+$/ { fault("line " FNR ": it has no columns CONTIG FROM TO") }
    $2 + 0 >= $3 + 0 || $3 + 0 > size[$1] { fault("line " FNR ": " $2 " to " $3 " is not within the " size[$1] " bases of " $1) }
    { print $1, $2, $3; primers++ }
    END { if (!failed && !primers) fault("it has no primers") }' "$inputs/reference.fa.fai" - > "$inputs/primers.bed" || {
    echo "primers refused ($PRIMERS): $(cat "$why")" >&2
    exit 1
  }
  rm -- "./$PRIMERS"
  clipped() { samtools ampliconclip -u --both-ends -b "$temporary/inputs/primers.bed" -f "$temporary/clipped$lane" - | "$@"; }
fi

# group LANE PLATFORM: the @RG line of a lane. A lane that is the only one has the name of the sample.
group() {
  local id=$SAMPLE${lanes[$1]:+.${lanes[$1]}} name uri file uris=
  printf '%s' "@RG\tID:$id\tSM:$SAMPLE\tLB:$SAMPLE\tPU:${lanes[$1]:-$SAMPLE}"
  if [ -n "${JOB_INPUT_LIST:-}" ]; then
    while IFS=$'\t' read -r name uri _; do
      for file in "${first[$1]}" "${second[$1]:-}"; do [ "$file" != "$name" ] || uris+="${uris:+ }$uri"; done
    done < "$JOB_INPUT_LIST"
    printf '%s' "\tDS:$uris"
  fi
  printf '%s' "\tPL:$2"
}
sort() { samtools sort -@ "$THREADS" -m "${SORT_MIB}M" -T "$temporary/sort" "$@" -; }

# all PLATFORM WORD...: writes the alignments of all lanes as one stream of SAM with one header. aligned_lane gets the words after the @RG line.
all() {
  for lane in "${!lanes[@]}"; do
    group "$lane" "$1"
    echo
  done | sed 's/\\t/\t/g' > "$TMPDIR/groups"
  for lane in "${!lanes[@]}"; do
    echo "$lane" > "$TMPDIR/lane"
    if [ "$lane" = 0 ]; then
      edit="/^@RG/ {
        r $TMPDIR/groups
        d
      }"
    else
      edit='1,/^[^@]/ { /^@/d }'
    fi
    aligned_lane "$(group "$lane" "$1")" "${@:2}" | sed "$edit"
  done
}
# mapped COMMAND: runs an aligner on the files of the lane.
mapped() {
  local name=${lanes[lane]:+${lanes[lane]}.}
  local files=("${name}R1")
  [ -z "${second[lane]:-}" ] || files+=("${name}R2")
  (cd "$inputs" && exec "$@" reference.fa "${files[@]}")
}

if [ "$PLATFORM" = illumina ]; then
  # -K makes the result independent of the number of threads. -p keeps bwa's "proper pair" flag. fixmate would set it for one orientation
  # only, and the caller ignores the reads of all other pairs.
  aligned_lane() {
    local smart=()
    [ -n "${second[lane]:-}" ] || smart=(-p)
    mapped bwa mem -v 2 -K 100000000 -Y -t "$THREADS" -R "$1" "${smart[@]}" | clipped samtools fixmate "${@:2}" -p -m - -
  }
  align() {
    if [ ${#lanes[@]} = 1 ]; then
      lane=0
      aligned_lane "$(group 0 ILLUMINA)" -u
    else
      all ILLUMINA -O sam
    fi | sort -u | samtools markdup -@ "$THREADS" -T "$temporary/markdup" --json -f "$qc.markdup.json" "${output[@]}" - "$written"
  }
  versions="bwa: \"$(bwa 2>&1 | sed -n 's/^Version: \([0-9.]*\).*/\1/p' || true)\""
else
  # Long reads have no duplicates by their place: most are of molecules that were not amplified.
  case $PLATFORM in
    ont) model=(map-ont ONT) ;;
    hifi) model=(map-hifi PACBIO) ;;
  esac
  aligned_lane() { mapped minimap2 -a -x "${model[0]}" -Y -t "$THREADS" -R "$1" | clipped "${@:2}"; }
  align() {
    if [ ${#lanes[@]} = 1 ]; then
      lane=0
      aligned_lane "$(group 0 "${model[1]}")" sort "${output[@]}" -o "$written"
    else
      all "${model[1]}" samtools view -h --no-PG - | sort "${output[@]}" -o "$written"
    fi
  }
  versions="minimap2: \"$(minimap2 --version | cut -d - -f 1)\""
fi
printf '%s\n' "$versions" "samtools: \"$(samtools --version | awk 'NR == 1 { print $2 }')\"" > "$qc.align_mqc_versions.yml"

# The check has one thread. It may fail while the alignment still runs, and then nothing is published. The reason is the only line.
align 2> "$log" &
for lane in "${!lanes[@]}"; do
  file=$inputs/${lanes[lane]:+${lanes[lane]}.}
  check=("${file}R1" "${first[lane]}")
  [ -z "${second[lane]:-}" ] || check+=("${file}R2" "${second[lane]}")
  reason=$(check-reads "${check[@]}") || refuse "$reason" "$lane"
done
wait $! || {
  reason=$(sed -n 's/.*\(paired reads have different names\)/\1/p; s/.*query name too long/the name of a read has over 254 characters/p' "$log" | head -n 1)
  [ -z "$reason" ] || refuse "$reason" "$(cat "$TMPDIR/lane" 2> /dev/null || echo 0)"
  grep -v '^\[M::' "$log" >&2
  exit 1
}

# Leave out the place of the reference in this job, which htslib writes beside each sequence's checksum.
if [ "$ALIGNMENT" = cram ]; then
  samtools view -H --no-PG "$aligned" | sed 's/\tUR:[^\t]*//' > "$TMPDIR/header"
  samtools reheader -P -i "$TMPDIR/header" "$aligned"
fi

measures=()
for measure in flagstat idxstats stats coverage; do
  options=()
  # Of each lane too.
  [ "$measure" != stats ] || [ ${#lanes[@]} = 1 ] || options=(-S RG -P "$temporary/lane")
  # The depth of what the caller reads. By default, samtools coverage leaves out duplicates.
  [ "$measure" != coverage ] || [ -z "${KEEP_DUPLICATES:-}" ] || options=(--ff "UNMAP,SECONDARY,QCFAIL")
  case $ALIGNMENT-$measure in
    # samtools coverage does not read the qualities of a CRAM (1.21).
    cram-stats | cram-coverage) samtools view -u --reference "$inputs/reference.fa" "$aligned" | samtools "$measure" "${options[@]}" - ;;
    *) samtools "$measure" "${options[@]}" "$aligned" ;;
  esac > "$qc.${measure/coverage/samtools_coverage}.txt" &
  measures+=($!)
done
for measure in "${measures[@]}"; do wait "$measure"; done

# Warn of reads that the caller ignores silently: reads without their mate nearby, reads that map to several places, and duplicates.
of_lanes=()
[ ${#lanes[@]} = 1 ] || for lane in "${lanes[@]}"; do of_lanes+=("lane=$lane" "$TMPDIR/lane_$SAMPLE.$lane.bamstat"); done
clipped=$({ cat "$TMPDIR"/clipped* 2> /dev/null || true; } | awk '/^TOTAL CLIPPED/ { sum += $NF } END { print sum + 0 }')
awk -F '\t' -v warnings="$qc.warnings.txt" -v why="$why" -v platform="$PLATFORM" -v kept="${KEEP_DUPLICATES:-}" -v primers="${PRIMERS:+1}" \
  -v clipped="$clipped" -v lanes="${of_lanes:+${lanes[*]}}" '
  function warn(text) {
    print "warning: " text
    print text > warnings
  }
  function refuse(text) {
    print text > why
    exit 1
  }
  # What one lane has and the others hide. First what is refused, and then the warnings.
  function judge_lanes(warning, share, warned,   names, n, i, l, mapped, proper, together, own) {
    n = split(lanes, names, " ")
    for (i = 1; i <= n; i++) {
      l = names[i]
      mapped = of[l, "reads mapped:"]
      proper = of[l, "reads properly paired:"] / 2
      together = of[l, "reads mapped and paired:"] / 2 - of[l, "pairs on different chromosomes:"]
      if (of[l, "reads MQ0:"] > mapped / 2) together = 0
      if (!proper && together >= 1000) refuse("lane " l ": none of " together " pairs maps properly. Are R1 and R2 the same reads, or of two lanes?")
      own = 100 * mapped / of[l, "raw total sequences:"]
      if (warning && own < 90 && share >= 90) warn(sprintf("lane %s: only %.2f%% of its reads map to the reference", l, own))
      if (warning && !warned && proper < together / 2) warn("lane " l ": most of its reads do not map in proper pairs. Are R1 and R2 of one lane?")
    }
  }
  BEGIN { printf "" > warnings }
  NR == FNR {
    if ($1 == "SN") count[$2] = $3
    next
  }
  lane != "" {
    if ($1 == "SN") of[lane, $2] = $3
    next
  }
  FNR > 1 { bases += $3; depth += $3 * $7 }
  END {
    reads = count["raw total sequences:"]
    mapped = count["reads mapped:"]
    paired = count["reads paired:"]
    proper = count["reads properly paired:"] / 2
    both = count["reads mapped and paired:"] / 2
    apart = count["pairs on different chromosomes:"]
    bases_a_read = count["average length:"]
    quality = count["average quality:"]
    short = platform == "illumina"
    if (!reads) refuse("the alignment has no reads")
    together = both - apart
    several = count["reads MQ0:"] > mapped / 2
    # Of so many pairs the aligner takes some for proper, unless it cannot tell where they belong.
    if (!proper && together >= 1000 && !several)
      refuse("none of " together " pairs maps properly, so no variant would be called. Are R1 and R2 the same reads, or the fragments over 10,000 bases long?")
    judge_lanes(0)
    # Measured on 242 variants and reads of 5,000 bases. If 4 % of the bases differ, bwa and the settings for short reads find as many variants
    # as minimap2 and those for long reads. If 9 % differ, they lose 50 more.
    errors = 100 * count["error rate:"]
    if (short && bases_a_read > 350 && errors > 5)
      refuse(sprintf("on average a read has %d bases, and %.1f%% differ from the reference. For Oxford Nanopore use --platform ont", bases_a_read, errors))
    depth /= bases
    share = 100 * mapped / reads
    printf "%d reads, %s, %.2f%% mapped, mean depth %.1f\n", reads, paired ? paired / 2 " pairs" : "single-end", share, depth
    if (share < 90) warn(sprintf("only %.2f%% of the reads map to the reference", share))
    if (depth < 10) warn(sprintf("the mean depth is only %.1f, so variants may be missed", depth))
    if (quality < (short ? 20 : 10)) warn("the mean quality is only " quality ", so variants may be missed")
    if (!short && bases_a_read < 300)
      warn("a read has only " bases_a_read " bases on average. For Illumina use --platform illumina")
    if (short && bases_a_read > 350)
      warn("a read has " bases_a_read " bases on average. For Oxford Nanopore use --platform ont, for PacBio HiFi --platform hifi")
    same = count["pairs with other orientation:"]
    if (proper < together / 2 && !several)
      warn("most reads do not map in proper pairs, and no variant is called from those. Are R1 and R2 of one run?")
    else if (together >= 100 && same > together / 4 && same < together * 3 / 4 && !several)
      warn("the mates of many pairs point in the same direction, and those of others do not. Are R1 and R2 of one run, in the same order?")
    if (several)
      warn("most reads map to several places, and no variant is called from those. Does the reference contain sequences twice?")
    else if (apart > both / 2)
      warn("most pairs lie on two contigs, and no variant is called from those. Is the reference a draft?")
    if (count["reads duplicated:"] > mapped / 2) {
      lost = "no variant is called from those. If they are PCR amplicons, use --keep-duplicates, and --primers to clip the primers"
      warn("most reads are duplicates, and " (kept ? "--keep-duplicates calls variants from them too" : lost))
    }
    judge_lanes(1, share, together && (several || proper < together / 2))
    if (primers && !clipped) warn("no read begins or ends in a primer. Are the primers of this reference?")
  }' "$qc.stats.txt" "$qc.samtools_coverage.txt" "${of_lanes[@]}" || refuse "$(cat "$why")"
